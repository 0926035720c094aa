#pragma once

#include <vector>

#include "tests/simulation/evidence.hpp"
#include "tests/simulation/plan.hpp"

namespace presence::simulation {

// The times in which no fault makes anything late any more: between the faults, each with as long
// behind it as what it does may last.
[[nodiscard]] std::vector<Span> calm_spans(const Shape& shape,
                                           const std::vector<PlannedFault>& faults);

}  // namespace presence::simulation
