#pragma once

#include "tests/simulation/clock.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/simulation/random.hpp"
#include "tests/simulation/scheduler.hpp"
#include "tests/simulation/trace.hpp"

namespace presence::simulation {

// What every part of a world shares.
struct Environment {
    Scheduler scheduler;
    Trace trace;
    Coverage coverage;
};

}  // namespace presence::simulation
