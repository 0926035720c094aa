#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/coverage.hpp"
#include "tests/simulation/random.hpp"
#include "tests/simulation/scheduler.hpp"

namespace presence::simulation {

// The shape of a world and its settings, drawn from the seed.
struct Shape {
    std::size_t users = 200;
    std::size_t edges = 3;
    std::size_t collectors = 2;
    std::size_t trackers = 2;
    std::size_t notifiers = 1;
    std::size_t sinks = 1;  // of each notifier

    Time timeout = 2 * kSecond;
    Time grace = 2 * kSecond;
    Time flush = 10 * kMillisecond;
    Time far = 0;  // delay of the links that are far; others take a few ms
    std::uint64_t resend_bytes_max = 64ull << 20;
    std::uint64_t backlog_max = 1'000'000;
    std::size_t queue_max = 100'000;  // of a sink
    std::size_t chunk_max = 1'000;
    std::uint64_t attempts_max = 0;  // then a chunk is given up; 0: never
    bool poison = false;             // while there are faults, sinks refuse some users

    Time ttl_max = 4 * kSecond;
    Time faults_begin = 0;
    Time faults_end = 0;
    Time calm_again = 0;  // the last fault's consequences are over
    Time rest = 0;        // from here users only beat steadily or are silent
    Time end = 0;

    // Longest delay of a link without trouble.
    [[nodiscard]] Time delay_max() const { return far + kNear; }
    static constexpr Time kNear = 4 * kMillisecond;

    static Shape draw(Random& random);
};

// One fault: `place` has it from `begin` to `end`. `which` counts the processes or links there.
struct PlannedFault {
    Fault fault = Fault::pause;
    Place place = Place::edge;
    std::size_t which = 0;
    Time begin = 0;
    Time end = 0;
    Time strength = 0;  // see Troubled, or for a process what its kind of fault needs
};

// Some faults in the middle of the run; often few, sometimes none, sometimes at once.
[[nodiscard]] std::vector<PlannedFault> draw_faults(Random& random, const Shape& shape);
[[nodiscard]] std::size_t count_at(Place place, const Shape& shape);

}  // namespace presence::simulation
