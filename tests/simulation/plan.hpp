#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/coverage.hpp"
#include "tests/simulation/random.hpp"
#include "tests/simulation/scheduler.hpp"

namespace presence::simulation {

// The shape of a world and its settings, drawn from the seed.
struct Shape {
    std::size_t users = 200;
    std::size_t crowded = 0;  // of the users, the last: they have more sessions than find room
    std::size_t edges = 3;
    std::size_t collectors = 2;  // the last one has the id of `twin_of`, if there is one
    std::optional<std::size_t> twin_of;
    std::size_t trackers = 2;
    std::size_t notifiers = 1;
    std::size_t sinks = 1;  // of each notifier

    Time timeout = 2 * kSecond;
    Time grace = 2 * kSecond;
    Time flush = 10 * kMillisecond;
    Time linger = 0;                  // configured, in some worlds
    Time freeze_max = 600 * kSecond;  // little in some worlds: what holds people up ends
    Time edge_timeout = 2 * kSecond;
    Time edge_grace = 2 * kSecond;
    std::uint64_t edge_lost_rate = 1'000;
    bool lists_change = false;
    // The network falls into two halves for a while, and nothing else happens to evidence.
    bool halves = false;
    bool sticky = false;  // edges keep to one collector each, as long as it takes heartbeats
    unsigned moving_percent = 70;  // of the users: go to another edge when theirs is down
    Time far = 0;                  // delay of the links that are far; others take a few ms
    std::uint64_t resend_bytes_max = 64ull << 20;
    std::uint64_t backlog_max = 1'000'000;
    std::size_t journal_waiting_max = 64u << 20;  // bytes; beyond, a tracker takes no frames
    std::size_t queue_max = 100'000;              // of a sink
    std::size_t chunk_max = 1'000;
    std::uint64_t attempts_max = 0;  // then a chunk is given up; 0: never
    bool poison = false;             // while there are faults, sinks refuse some users

    Time ttl_max = 4 * kSecond;
    Time faults_begin = 0;
    Time faults_end = 0;
    Time calm_again = 0;  // the last fault's consequences are over
    Time rest = 0;        // from here users only beat steadily or are silent
    Time end = 0;

    // The collectors' ids count from 0.
    [[nodiscard]] std::size_t id_of(std::size_t collector) const {
        return twin_of && collector + 1 == collectors ? *twin_of : collector;
    }
    // The other process under its id.
    [[nodiscard]] std::optional<std::size_t> twin(std::size_t collector) const {
        if (!twin_of || id_of(collector) != *twin_of) return std::nullopt;
        return collector == *twin_of ? collectors - 1 : *twin_of;
    }
    // Whether what faults hold up may be used up within the run.
    [[nodiscard]] bool holds_end() const { return freeze_max < 60 * kSecond; }
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
    Time strength = 0;       // see Troubled, or for a process what its kind of fault needs
    std::size_t number = 0;  // among those that the seed draws
};
[[nodiscard]] std::string describe(const PlannedFault& fault);

// Some faults in the middle of the run; often few, sometimes none, sometimes at once.
[[nodiscard]] std::vector<PlannedFault> draw_faults(Random& random, const Shape& shape);
// In some worlds besides: a collector and one of several trackers are cut off from each other for
// long, often with no other fault of either kind, while edges keep to one collector.
void draw_long_cut(Random random, Shape& shape, std::vector<PlannedFault>& faults);
// In some worlds with nothing else of that kind: the network between collectors and trackers falls
// into two halves for longer than the grace, while edges reach both.
void draw_halves(Random random, Shape& shape, std::vector<PlannedFault>& faults);
// In some worlds besides: what feeds a collector's input stands still.
void draw_input_stalls(Random random, const Shape& shape, std::vector<PlannedFault>& faults);
// In some worlds besides: a second process begins under the id of a collector, and one of the two,
// told by `strength` (1: the second), ends. Often no other fault takes evidence.
void draw_twin(Random random, Shape& shape, std::vector<PlannedFault>& faults);
// Of what tells trackers who is there.
[[nodiscard]] bool is_of_evidence(const PlannedFault& fault);
[[nodiscard]] std::size_t count_at(Place place, const Shape& shape);

}  // namespace presence::simulation
