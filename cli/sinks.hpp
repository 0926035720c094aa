#pragma once

#include <cstdint>
#include <string>

#include "common/wire/query.hpp"

// How a sink is, by its notifier's word, for a person. Pure.
namespace presence::cli {

// "fails for 3 min: http://hook answered 500; 812 wait; all is told until 3 min ago".
[[nodiscard]] std::string health_of(const SinksAnswer::Sink& sink, std::int64_t now_ms);

// What is wrong with it, as "sink hook fails: http://hook answered 500"; empty: nothing. One that
// begins, or is told everything anew, is healthy.
[[nodiscard]] std::string trouble_of(const SinksAnswer::Sink& sink);

}  // namespace presence::cli
