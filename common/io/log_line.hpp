#pragma once

#include <string>
#include <string_view>

#include "common/io/log.hpp"
#include "common/time.hpp"

// How an event becomes a line of text, without newline. Whatever bytes a value holds, the line
// stays one line and can be parsed: logfmt values are quoted when they need it, JSON is escaped and
// valid UTF-8.
namespace presence::io::log {

[[nodiscard]] std::string logfmt_line(WallTime at, std::string_view level, std::string_view process,
                                      std::string_view event, const Fields& fields);
[[nodiscard]] std::string json_line(WallTime at, std::string_view level, std::string_view process,
                                    std::string_view event, const Fields& fields);

}  // namespace presence::io::log
