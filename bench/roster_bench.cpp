// What a heartbeat costs the roster, and what a user costs in memory. Ids of 16 bytes; heartbeats
// in random order, 256 a call.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "tracker/roster/roster.hpp"

namespace {

using namespace presence;
using namespace presence::tracker;

constexpr std::size_t kIdBytes = 16, kBatch = 256;

double cpu_seconds() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::size_t resident_bytes() {
    std::size_t total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Users in a random order, given to the roster in batches as they come in frames.
class Users {
public:
    Users(std::size_t count, bool named) : order_(count), named_(named) { shuffle(7); }

    void shuffle(unsigned seed) {
        std::iota(order_.begin(), order_.end(), 0u);
        std::shuffle(order_.begin(), order_.end(), std::mt19937(seed));
    }
    // Everybody beats once. Returns the CPU seconds the roster took.
    double beat(Roster& roster, Instant at) {
        double total = 0;
        for (std::size_t begin = 0; begin < order_.size(); begin += kBatch) {
            const auto count = std::min(kBatch, order_.size() - begin);
            for (std::size_t i = 0; i < count; ++i)
                fill(i, order_[begin + i], at);
            const auto start = cpu_seconds();
            for (std::size_t i = 0; i < count; ++i)
                roster.prefetch(beats_[i].hash);
            roster.apply(std::span(beats_).first(count), {}, events_);
            total += cpu_seconds() - start;
            events_.clear();
        }
        return total;
    }
    std::uint32_t silent_ttl_ms = 0;  // of every tenth user, if any

private:
    void fill(std::size_t i, std::uint32_t user, Instant at) {
        std::snprintf(ids_[i].data(), ids_[i].size(), "user-%011u", user);
        auto& b = beats_[i];
        b.user = {ids_[i].data(), kIdBytes};
        b.hash = hash_of(b.user);
        b.session = named_ ? "16-bytes-session" : "";
        b.edge = named_ ? "edge-1" : "";
        b.ttl_ms = 25'000 + user % 10'000;
        if (silent_ttl_ms) b.ttl_ms = user % 10 == 0 ? silent_ttl_ms : 10 * silent_ttl_ms;
        b.at = at;
    }
    std::vector<std::uint32_t> order_;
    bool named_;
    std::array<std::array<char, kIdBytes + 1>, kBatch> ids_{};
    std::array<Beat, kBatch> beats_{};
    std::vector<Event> events_;
};

void run(benchmark::State& state, bool named, bool often = false) {
    const auto count = static_cast<std::size_t>(state.range(0));
    Users users(count, named);
    malloc_trim(0);
    const auto before = resident_bytes();
    Roster roster({}, Instant{});
    Instant now{1s};
    users.beat(roster, now);
    const auto after = resident_bytes();
    users.shuffle(8);  // the records do not lie in the order of the heartbeats
    double total = 0;
    for (auto _ : state) {
        now += often ? 3s : 10s;
        const auto took = users.beat(roster, now);
        state.SetIterationTime(took);
        total += took;
    }
    const auto per_user = [&](std::size_t bytes) {
        return static_cast<double>(bytes) / static_cast<double>(count);
    };
    state.counters["ns_per_beat"] =
        1e9 * total / static_cast<double>(count) / static_cast<double>(state.iterations());
    state.counters["rss_per_user"] = per_user(after - before);
    state.counters["bytes_per_user"] = per_user(roster.bytes());
}

void beats_single(benchmark::State& state) {
    run(state, false);
}
// Ten heartbeats a ttl, not three.
void beats_often(benchmark::State& state) {
    run(state, false, true);
}
void beats_named(benchmark::State& state) {
    run(state, true);
}

// A tenth of the users fall silent at once: until the last of them is told offline.
void silence(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    Users users(count, false);
    users.silent_ttl_ms = 30'000;
    std::vector<Event> events;
    for (auto _ : state) {
        auto roster = std::make_unique<Roster>(Roster::Options{}, Instant{});
        users.beat(*roster, Instant{1s});
        std::size_t offline = 0;
        const auto start = cpu_seconds();
        for (bool more = true; more;) {
            more = roster->expire(Instant{32s}, {}, 4096, events);
            offline += events.size();
            events.clear();
        }
        state.SetIterationTime(cpu_seconds() - start);
        if (offline != count / 10) state.SkipWithError("not everybody silent went offline");
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(count / 10) * state.iterations());
}

BENCHMARK(beats_single)->Arg(1'000'000)->Arg(10'000'000)->Iterations(5)->UseManualTime();
BENCHMARK(beats_often)->Arg(1'000'000)->Arg(10'000'000)->Iterations(5)->UseManualTime();
BENCHMARK(beats_named)->Arg(1'000'000)->Iterations(5)->UseManualTime();
BENCHMARK(silence)->Arg(1'000'000)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
