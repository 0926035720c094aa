// What a heartbeat and what expiry cost under each structure that may hold the deadlines. Records
// of 48 bytes hold the truth, as in the roster; ttl 25..35 s, a heartbeat every 10 s, expiry each
// 10 ms.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>
#include <vector>

#include "tracker/roster/deadlines.hpp"

namespace {

using namespace presence::tracker;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kInterval = 10'000, kTurn = 10;
constexpr std::size_t kGroup = 16;

struct Record {
    char id[24];
    std::uint32_t read, ttl;
    char rest[16];
};
static_assert(sizeof(Record) == 48);

double seconds(Clock::duration d) {
    return std::chrono::duration<double>(d).count();
}

struct ExpiryWorld {
    Deadlines deadlines{2 << 20};
    std::vector<Record> records;
    std::vector<std::uint32_t> order;  // who beats when: order[i] at i * kInterval / size
    std::vector<Due> due;
    std::uint32_t now = 1'000'000;
    std::size_t next = 0;
    std::uint32_t silent_from = 0xffff'ffff;  // users at or above beat no more
    double beat_seconds = 0, expire_seconds = 0, longest_call = 0;
    std::uint64_t beats = 0, pops = 0, offline = 0;

    explicit ExpiryWorld(std::size_t users) : records(users), order(users) {
        std::mt19937 random(7);
        std::iota(order.begin(), order.end(), 0u);
        std::shuffle(order.begin(), order.end(), random);
        for (std::uint32_t u = 0; u < users; ++u) {
            records[u].ttl = 25'000 + static_cast<std::uint32_t>(random() % 10'000);
            records[u].read = now;
            deadlines.set(u, now + records[u].ttl);
        }
    }

    void beat_group(const std::uint32_t* user, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            __builtin_prefetch(&records[user[i]].read, 1);
            deadlines.prefetch(user[i]);
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (user[i] >= silent_from) continue;
            auto& r = records[user[i]];
            r.read = now;
            deadlines.set(user[i], now + r.ttl);
            ++beats;
        }
    }

    void expire(std::size_t limit) {
        for (bool more = true; more;) {
            const auto begin = Clock::now();
            due.clear();
            more = deadlines.take_due(now, limit, due);
            for (const auto& d : due)
                __builtin_prefetch(&records[d.user].read);
            for (const auto& d : due) {
                ++pops;
                const auto deadline = records[d.user].read + records[d.user].ttl;
                if (static_cast<std::int32_t>(deadline - now) < 0)
                    ++offline;
                else
                    deadlines.set(d.user, deadline);
            }
            const auto bound = deadlines.bound();
            benchmark::DoNotOptimize(bound);
            const auto took = seconds(Clock::now() - begin);
            expire_seconds += took;
            longest_call = std::max(longest_call, took);
        }
    }

    void run(std::uint32_t ms) {
        const auto per_turn = records.size() * kTurn / kInterval;
        for (std::uint32_t t = 0; t < ms; t += kTurn) {
            now += kTurn;
            const auto begin = Clock::now();
            for (std::size_t i = 0; i < per_turn; i += kGroup) {
                const auto count = std::min(kGroup, per_turn - i);
                if (next + count > order.size()) next = 0;
                beat_group(&order[next], count);
                next += count;
            }
            beat_seconds += seconds(Clock::now() - begin);
            expire(4096);
        }
    }
};

// Everybody beats on.
void steady(benchmark::State& state) {
    ExpiryWorld world(static_cast<std::size_t>(state.range(0)));
    world.run(40'000);  // settle
    world.beat_seconds = world.expire_seconds = world.longest_call = 0;
    world.beats = world.pops = 0;
    for (auto _ : state) {
        const auto before = world.beat_seconds + world.expire_seconds;
        world.run(30'000);
        state.SetIterationTime(world.beat_seconds + world.expire_seconds - before);
    }
    const auto beats = static_cast<double>(world.beats);
    state.counters["beat_ns"] = 1e9 * world.beat_seconds / beats;
    state.counters["expiry_ns_per_beat"] = 1e9 * world.expire_seconds / beats;
    state.counters["pops_per_beat"] = static_cast<double>(world.pops) / beats;
    state.counters["longest_call_us"] = 1e6 * world.longest_call;
    state.counters["bytes_per_user"] =
        static_cast<double>(world.deadlines.bytes()) / static_cast<double>(state.range(0));
}

// A tenth of the users fall silent at once.
void silence(benchmark::State& state) {
    for (auto _ : state) {
        const auto users = static_cast<std::size_t>(state.range(0));
        ExpiryWorld world(users);
        world.run(40'000);
        world.silent_from = static_cast<std::uint32_t>(users - users / 10);
        world.expire_seconds = world.longest_call = 0;
        world.run(40'000);
        if (world.offline != users / 10) state.SkipWithError("not everybody silent went offline");
        state.SetIterationTime(world.expire_seconds);
        state.counters["expiry_ns_per_offline"] =
            1e9 * world.expire_seconds / static_cast<double>(world.offline);
        state.counters["longest_call_us"] = 1e6 * world.longest_call;
    }
}

BENCHMARK(steady)->Arg(1'000'000)->Arg(10'000'000)->Iterations(1)->UseManualTime();
BENCHMARK(silence)->Arg(1'000'000)->Iterations(1)->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
