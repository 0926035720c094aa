// What an event costs on its way out: numbered and written into batches by a tracker, read from
// them by a follower, written alone for a `user/` subscriber, and as JSON by a sink. Ids of 16
// bytes, 1,000 events a turn, over all slots.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/wire/batch.hpp"
#include "tracker/stream/publisher.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

constexpr std::size_t kEvents = 1'000;

std::vector<Event> events_of_a_turn() {
    std::vector<Event> events(kEvents);
    for (std::size_t i = 0; i < kEvents; ++i) {
        auto& event = events[i];
        const std::string number = std::to_string(i);
        event.user = "user-" + std::string(11 - number.size(), '0') + number;
        event.slot = slot_of(hash_of(event.user));
        event.state = State::offline;
        event.reason = name_of(Reason::timeout);
        event.at_ms = 1'700'000'030'000;
        event.since_ms = 1'700'000'000'000;
        event.last_seen_ms = 1'700'000'000'000;
        event.ttl_ms = 30'000;
    }
    return events;
}

void per_event(benchmark::State& state) {
    state.counters["events"] =
        benchmark::Counter(static_cast<double>(kEvents * state.iterations()),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// It takes the events for itself: giving them is not in the figure.
void publish(benchmark::State& state) {
    const auto events = events_of_a_turn();
    Publisher publisher("t1", 1);
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        publisher.begin(static_cast<Slot>(slot), 1);
    std::vector<Publication> out;
    for (auto _ : state) {
        auto given = events;
        const auto begin = std::chrono::steady_clock::now();
        publisher.publish(given, {}, out);
        const auto took = std::chrono::steady_clock::now() - begin;
        state.SetIterationTime(std::chrono::duration<double>(took).count());
        out.clear();
    }
    per_event(state);
}
BENCHMARK(publish)->UseManualTime();

void batch_decode(benchmark::State& state) {
    auto events = events_of_a_turn();
    Publisher publisher("t1", 1);
    std::vector<Publication> out;
    publisher.publish(events, {}, out);
    for (auto _ : state)
        for (const auto& batch : out)
            benchmark::DoNotOptimize(decode_batch(batch.bytes));
    per_event(state);
}
BENCHMARK(batch_decode);

template <std::string (*encode)(const Event&)>
void alone(benchmark::State& state) {
    const auto events = events_of_a_turn();
    for (auto _ : state)
        for (const auto& event : events)
            benchmark::DoNotOptimize(encode(event));
    per_event(state);
}
BENCHMARK_TEMPLATE(alone, to_msgpack);
BENCHMARK_TEMPLATE(alone, to_json);

}  // namespace

BENCHMARK_MAIN();
