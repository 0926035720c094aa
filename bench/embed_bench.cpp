// The library form: what seen() costs, what a user costs, how late an offline is told; and beside
// it the algorithm of the Ruby library, a timer for every heartbeat, in the same language. Ids of
// 16 bytes; heartbeats of 1,000,000 users in random order.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "embed/manager_core.hpp"
#include "embed/online_manager.hpp"

namespace {

using namespace presence;

constexpr std::size_t kUsers = 1'000'000, kIdBytes = 16;
constexpr std::int64_t kIntervalUs = 10'000'000;  // between two heartbeats of a user
constexpr std::int64_t kTimeoutUs = 25'000'000;

double seconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double resident_bytes() {
    std::size_t total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Everybody's ids one after the other in a random order, as a socket would bring them.
class Stream {
public:
    Stream() : order_(kUsers), ids_(kUsers * kIdBytes) {
        std::iota(order_.begin(), order_.end(), 0u);
        shuffle();
    }
    void shuffle() {
        std::shuffle(order_.begin(), order_.end(), random_);
        char id[kIdBytes + 1];
        for (std::size_t i = 0; i < kUsers; ++i) {
            std::snprintf(id, sizeof id, "user-%011u", order_[i]);
            std::copy(id, id + kIdBytes, &ids_[i * kIdBytes]);
        }
    }
    std::string_view operator[](std::size_t i) const { return {&ids_[i * kIdBytes], kIdBytes}; }

private:
    std::mt19937 random_{7};
    std::vector<std::uint32_t> order_;
    std::vector<char> ids_;
};

struct Config : OnlineConfig {
    explicit Config(std::chrono::milliseconds given) : given_timeout(given) {}
    std::chrono::milliseconds timeout() const override { return given_timeout; }
    void online(const std::string&) override { ++onlines; }
    void offline(const std::string&) override {
        ++offlines;
        told_at = seconds(CLOCK_MONOTONIC);
    }
    std::chrono::milliseconds given_timeout;
    std::size_t onlines = 0, offlines = 0;
    double told_at = 0;
};

// A user's heartbeat each 10 s, timeout 25 s, a million users: a virtual clock moves on by 10 us
// a heartbeat, so expiry is in the figure, and the library's clock is not.
template <class Beat>
double round(Stream& stream, Beat&& beat) {
    stream.shuffle();
    const auto start = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (std::size_t i = 0; i < kUsers; ++i)
        beat(stream[i]);
    return seconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

template <class Beat>
void run(benchmark::State& state, Stream& stream, double before, Beat&& beat) {
    for (int rounds = 0; rounds < 3; ++rounds)
        round(stream, beat);
    state.counters["rss_bytes_per_user"] = (resident_bytes() - before) / kUsers;
    for (auto _ : state)
        state.SetIterationTime(round(stream, beat));
    state.SetItemsProcessed(static_cast<std::int64_t>(kUsers) * state.iterations());
}

void library(benchmark::State& state) {
    Stream stream;
    malloc_trim(0);
    const auto before = resident_bytes();
    Config config(std::chrono::seconds(25));
    OnlineManager manager(config);
    std::size_t count = 0;
    run(state, stream, before, [&](std::string_view id) {
        manager.seen(id);
        if (++count % 1'000 == 0) manager.process();
    });
    if (config.onlines != kUsers || config.offlines != 0) state.SkipWithError("wrong callbacks");
}

void core(benchmark::State& state) {
    Stream stream;
    malloc_trim(0);
    const auto before = resident_bytes();
    embed::ManagerCore manager({.timeout = 25s, .users_max = 2 * kUsers, .grain = Duration(0)});
    std::size_t count = 0, onlines = 0;
    run(state, stream, before, [&](std::string_view id) {
        manager.seen(id, {});
        if (++count % embed::ManagerCore::kGroup != 0) return;
        manager.pass({embed::ManagerCore::kGroup * kIntervalUs / kUsers});
        while (const auto transition = manager.pop())
            onlines += transition->online ? 1 : kUsers;
    });
    if (onlines != kUsers) state.SkipWithError("wrong transitions");
}

// The algorithm of the Ruby library, and what one would write first in C++: a hash table, and a
// timer for every heartbeat in an ordered tree.
class TimerEach {
public:
    void pass(std::int64_t us) {
        now_ += us;
        while (!timers_.empty() && timers_.begin()->first <= now_) {
            const auto it = last_.find(timers_.begin()->second);
            if (it != last_.end() && now_ - it->second >= kTimeoutUs) {
                ++transitions;
                last_.erase(it);
            }
            timers_.erase(timers_.begin());
        }
    }
    void seen(std::string_view id) {
        const auto [it, fresh] = last_.insert_or_assign(std::string(id), now_);
        transitions += fresh;
        timers_.emplace(now_ + kTimeoutUs, it->first);
    }
    std::size_t transitions = 0;

private:
    std::int64_t now_ = 0;
    std::unordered_map<std::string, std::int64_t> last_;
    std::multimap<std::int64_t, std::string> timers_;
};

void timer_each(benchmark::State& state) {
    Stream stream;
    malloc_trim(0);
    const auto before = resident_bytes();
    TimerEach manager;
    run(state, stream, before, [&](std::string_view id) {
        manager.pass(kIntervalUs / kUsers);
        manager.seen(id);
    });
    if (manager.transitions != kUsers) state.SkipWithError("wrong transitions");
}

// From timeout after the heartbeat until the callback, in a process that only waits.
void lateness_idle(benchmark::State& state) {
    std::vector<double> late_ms;
    for (auto _ : state) {
        Config config(std::chrono::seconds(1));
        OnlineManager manager(config);
        const auto before = seconds(CLOCK_MONOTONIC);
        manager.seen("alice");
        while (config.offlines == 0) {
            pollfd one{manager.fd(), POLLIN, 0};
            ::poll(&one, 1, -1);
            manager.process();
        }
        const auto late = config.told_at - before - 1.0;
        if (late < 0) state.SkipWithError("told early");
        late_ms.push_back(1e3 * late);
        state.SetIterationTime(late);
    }
    std::sort(late_ms.begin(), late_ms.end());
    state.counters["p50_ms"] = late_ms[late_ms.size() / 2];
    state.counters["max_ms"] = late_ms.back();
}

BENCHMARK(library)->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(core)->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(timer_each)->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(lateness_idle)->Iterations(20)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
