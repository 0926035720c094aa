#pragma once

#include "common/io/program.hpp"

namespace presence::notifier {

// Follows every tracker of the configuration and feeds every sink of this notifier until SIGTERM or
// SIGINT; then tells the sinks what waits, for kDrain at most, and ends them. SIGHUP reopens files.
// Returns the exit code.
inline constexpr Duration kDrain = 3s;
inline constexpr Duration kSinkEnd = 2s;  // for children to end by themselves, or by SIGTERM
int run(const io::Program& program);

}  // namespace presence::notifier
