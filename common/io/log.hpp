#pragma once

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/config/choices.hpp"

// Logs, for shells only: one event a line, on stderr, logfmt or JSON.
//   log::info("slot_taken", {{"slot", 3}, {"epoch", epoch}});
//   -> time=2026-11-24T04:03:15.123Z level=info process=t1 event=slot_taken slot=3 epoch=...
namespace presence::io::log {

struct Field {
    std::string_view key;
    std::string value;
    bool quoted = true;  // JSON: a string; numbers and booleans are not

    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(v) {}
    Field(std::string_view k, const std::string& v) : key(k), value(v) {}
    Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), quoted(false) {}
    template <class Number>
    requires std::is_arithmetic_v<Number> Field(std::string_view k, Number v)
        : key(k), value(fmt::format("{}", v)), quoted(false) {}
};
using Fields = std::vector<Field>;

// `level`: the least that is written. `process`: the id on each line. From then on broken
// invariants are told as such events, too.
void open(LogLevel level, LogFormat format, std::string_view process);
void set_level(LogLevel level);
// Standard error is a log: what ends this program goes there as an event, not as a sentence.
[[nodiscard]] bool opened();
void debug(std::string_view event, const Fields& fields = {});
void info(std::string_view event, const Fields& fields = {});
void warn(std::string_view event, const Fields& fields = {});
void error(std::string_view event, const Fields& fields = {});

}  // namespace presence::io::log
