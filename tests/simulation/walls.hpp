#pragma once

#include "tests/simulation/arguments.hpp"

namespace presence::simulation {

// The exit code of: whether each seed gives the same events at the same times, however the clocks
// on the wall jump.
[[nodiscard]] int compare_walls(const Arguments& arguments);

}  // namespace presence::simulation
