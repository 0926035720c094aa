// What an event costs the store, in rows of so many events of 70 bytes, and what the same bytes
// cost in a bare file: the floor. CPU of the thread, all of it: copying the WAL into the database
// and dropping old rows, which at this rate begins within the first seconds, are in it.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "common/store/store.hpp"

namespace {

using namespace presence;
using io::Store;

constexpr std::size_t kEventBytes = 70;

double seconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Directory {
    Directory() {
        std::string name = "store-bench.XXXXXX";  // on the disk one stands on: /tmp may be memory
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path = name;
    }
    ~Directory() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

std::string body_of(std::size_t events) {
    std::string body(events * kEventBytes, '\0');
    std::mt19937 random(7);
    for (auto& byte : body)
        byte = static_cast<char>(random());
    return body;
}

// Runs write(number) once an iteration; the time is the thread's CPU.
template <class Write>
void measure(benchmark::State& state, Write write) {
    const auto events = static_cast<double>(state.range(0));
    std::uint64_t number = 0;
    double cpu = 0, slowest = 0;
    for (auto _ : state) {
        const double from = seconds(CLOCK_THREAD_CPUTIME_ID), at = seconds(CLOCK_MONOTONIC);
        write(++number);
        const double took = seconds(CLOCK_THREAD_CPUTIME_ID) - from;
        state.SetIterationTime(took);
        cpu += took;
        slowest = std::max(slowest, seconds(CLOCK_MONOTONIC) - at);
    }
    const auto all = events * static_cast<double>(state.iterations());
    state.counters["ns_per_event"] = 1e9 * cpu / all;
    state.counters["slowest_ms"] = 1e3 * slowest;
}

void store(benchmark::State& state, Store::Durability durability) {
    const Directory directory;
    Store::Options options{directory.path, "bench"};
    options.durability = durability;
    options.retain_bytes = std::uint64_t{64} << 20;
    Store store(options);
    Store::Write write{{{0, 1, body_of(static_cast<std::size_t>(state.range(0)))}}, {}, {}};
    measure(state, [&](std::uint64_t number) {
        write.rows[0].number = number;
        write.states.clear();
        // All rows are in the state, so that retention works.
        if (number % 100 == 0) write.states.push_back({1, number, "state"});
        store.write(write, static_cast<std::int64_t>(number));
    });
    state.counters["held_mb"] = static_cast<double>(store.bytes()) / 1e6;
}

void process(benchmark::State& state) {
    store(state, Store::Durability::process);
}
void power(benchmark::State& state) {
    store(state, Store::Durability::power);
}

void bare_file(benchmark::State& state) {
    const Directory directory;
    const auto path = directory.path / "floor";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const auto body = body_of(static_cast<std::size_t>(state.range(0)));
    constexpr off_t kRoom = off_t{64} << 20;  // begins anew, as the store uses its room again
    off_t at = 0;
    measure(state, [&](std::uint64_t) {
        benchmark::DoNotOptimize(::pwrite(fd, body.data(), body.size(), at));
        at = at > kRoom ? 0 : at + static_cast<off_t>(body.size());
    });
    ::close(fd);
}

// About 300 MB each.
#define ROWS(benchmark)                                                  \
    BENCHMARK(benchmark)->Arg(100)->Iterations(40'000)->UseManualTime(); \
    BENCHMARK(benchmark)->Arg(300)->Iterations(13'000)->UseManualTime(); \
    BENCHMARK(benchmark)->Arg(1000)->Iterations(4'000)->UseManualTime(); \
    BENCHMARK(benchmark)->Arg(4000)->Iterations(1'000)->UseManualTime()
ROWS(bare_file);
ROWS(process);
BENCHMARK(power)->Arg(100)->Iterations(200)->UseManualTime();
BENCHMARK(power)->Arg(1000)->Iterations(200)->UseManualTime();
BENCHMARK(power)->Arg(4000)->Iterations(200)->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
