#pragma once

#include "tests/simulation/arguments.hpp"

namespace presence::simulation {

// The exit code of: whether each seed recorded for the bug finds it, and passes without it.
[[nodiscard]] int check_bug(const Arguments& arguments);
// Prints, for the bug or for all, the first seeds that find it and pass without it.
[[nodiscard]] int find_bugs(const Arguments& arguments);

}  // namespace presence::simulation
