#pragma once

#include "tests/simulation/arguments.hpp"

namespace presence::simulation {

// Leaves out faults of a seed that fails, halves of them first and then one at a time, as long as
// it still fails; prints which are left and the line that runs it again. The exit code: 0 if it
// failed at all.
[[nodiscard]] int shrink(const Arguments& arguments);

}  // namespace presence::simulation
