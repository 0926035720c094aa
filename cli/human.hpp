#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/time.hpp"

namespace presence::cli {

// A length of time as a person says it: "870 ms", "16 s", "3 min 5 s", "2 h 10 min", "4 d 3 h".
// Rounded down; a negative one is "0 ms".
[[nodiscard]] std::string for_people(Duration length);

// Of numbers that came from outside. A length that does not fit is the longest that does.
[[nodiscard]] Duration length_of_ms(std::int64_t ms);
[[nodiscard]] Duration length_between_ms(std::int64_t from, std::int64_t to);

// What came from outside, for a terminal: bytes that might be commands to it, and such as are no
// UTF-8, are written as "\x1b".
[[nodiscard]] std::string printable(std::string_view text);

// "1 session", "2 sessions".
[[nodiscard]] std::string counted(std::uint64_t count, const std::string& noun);

}  // namespace presence::cli
