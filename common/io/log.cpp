#include "common/io/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <memory>

#include "common/check.hpp"
#include "common/io/clock.hpp"
#include "common/io/log_line.hpp"

namespace presence::io::log {
namespace {

struct State {
    std::shared_ptr<spdlog::logger> logger;
    std::string process = "presence";
    bool json = false;
    bool opened = false;

    State()
        : logger(std::make_shared<spdlog::logger>(
              "presence", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
        logger->set_pattern("%v");
        logger->flush_on(spdlog::level::trace);
    }
};

State& state() {
    static State s;
    return s;
}

void write(spdlog::level::level_enum level, std::string_view name, std::string_view event,
           const Fields& fields) {
    const State& s = state();
    if (!s.logger->should_log(level)) return;
    const WallTime at = wall_now();
    // As one string, never as a format: values come from the network.
    const std::string line = s.json ? json_line(at, name, s.process, event, fields)
                                    : logfmt_line(at, name, s.process, event, fields);
    s.logger->log(level, spdlog::string_view_t(line.data(), line.size()));
}

// In the order of LogLevel.
constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                             spdlog::level::err};

void tell_broken(const char* condition, const char* message, const char* file, int line) {
    error(
        "invariant_broken",
        {{"at", fmt::format("{}:{}", file, line)}, {"condition", condition}, {"message", message}});
}

}  // namespace

void open(LogLevel level, LogFormat format, std::string_view process) {
    State& s = state();
    s.logger->set_level(kLevels.at(static_cast<std::size_t>(level)));
    s.json = format == LogFormat::json;
    s.process = process;
    s.opened = true;
    presence::detail::tell_broken = tell_broken;
}

bool opened() {
    return state().opened;
}

void debug(std::string_view event, const Fields& fields) {
    write(spdlog::level::debug, "debug", event, fields);
}
void info(std::string_view event, const Fields& fields) {
    write(spdlog::level::info, "info", event, fields);
}
void warn(std::string_view event, const Fields& fields) {
    write(spdlog::level::warn, "warn", event, fields);
}
void error(std::string_view event, const Fields& fields) {
    write(spdlog::level::err, "error", event, fields);
}

}  // namespace presence::io::log
