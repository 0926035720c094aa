#include "common/io/early_log.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "common/io/config_file.hpp"
#include "common/io/log.hpp"

namespace presence::io {
namespace {

std::optional<std::string> flag_of(int argc, const char* const* argv, std::string_view name) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == name) return i + 1 < argc ? argv[i + 1] : "";
        if (argument.starts_with(name) && argument.substr(name.size()).starts_with('='))
            return std::string(argument.substr(name.size() + 1));
    }
    return {};
}

// Of a file that may be no TOML: its line `log_format = "json"`.
std::string format_of(const std::string& file) {
    constexpr int kLinesMax = 100'000;
    // What a pipe holds can be read once.
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) return "logfmt";
    std::ifstream in(file);
    std::string line;
    for (int n = 0; n < kLinesMax && std::getline(in, line); ++n) {
        const auto first = line.find_first_not_of(" \t");
        if (first != std::string::npos && line.compare(first, 10, "log_format") == 0)
            return line.find("json") != std::string::npos ? "json" : "logfmt";
    }
    return "logfmt";
}

}  // namespace

void open_log_early(int argc, const char* const* argv, const std::string& process) {
    if (flag_of(argc, argv, "--check-config") || flag_of(argc, argv, "--print-config")) return;
    auto format = flag_of(argc, argv, "--log-format");
    if (const char* variable = std::getenv("PRESENCE_LOG_FORMAT"); !format && variable != nullptr)
        format = variable;
    if (!format) {
        const auto file = config_file(flag_of(argc, argv, "--config"));
        format = file ? format_of(*file) : "logfmt";
    }
    log::open(LogLevel::info,
              *format == word_of(LogFormat::json) ? LogFormat::json : LogFormat::logfmt, process);
}

}  // namespace presence::io
