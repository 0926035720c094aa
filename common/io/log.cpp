#include "common/io/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <mutex>

#include "common/check.hpp"
#include "common/io/clock.hpp"
#include "common/io/log_line.hpp"
#include "common/io/log_output.hpp"

namespace presence::io::log {
namespace {

std::string dropped_line(std::uint64_t lines);

// Standard error, which nobody who logs waits for.
class Sink : public spdlog::sinks::base_sink<std::mutex> {
    void sink_it_(const spdlog::details::log_msg& message) override {
        line_.assign(message.payload.data(), message.payload.size());
        line_ += '\n';
        output_.write(line_);
    }
    void flush_() override {}

    LogOutput output_{STDERR_FILENO, dropped_line};
    std::string line_;
};

struct State {
    std::shared_ptr<spdlog::logger> logger =
        std::make_shared<spdlog::logger>("presence", std::make_shared<Sink>());
    std::string process = "presence";
    bool json = false;
    bool opened = false;
};

State& state() {
    static State s;
    return s;
}

std::string line_of(std::string_view level, std::string_view event, const Fields& fields) {
    const State& s = state();
    const WallTime at = wall_now();
    return s.json ? json_line(at, level, s.process, event, fields)
                  : logfmt_line(at, level, s.process, event, fields);
}

std::string dropped_line(std::uint64_t lines) {
    return line_of("warn", "log_dropped", {{"lines", lines}}) + "\n";
}

void write(spdlog::level::level_enum level, std::string_view name, std::string_view event,
           const Fields& fields) {
    const State& s = state();
    if (!s.logger->should_log(level)) return;
    // As one string, never as a format: values come from the network.
    const std::string line = line_of(name, event, fields);
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

void set_level(LogLevel level) {
    state().logger->set_level(kLevels.at(static_cast<std::size_t>(level)));
}

void open(LogLevel level, LogFormat format, std::string_view process) {
    State& s = state();
    set_level(level);
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
