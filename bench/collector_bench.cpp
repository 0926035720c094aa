// What one heartbeat costs on its way through a collector and into a tracker, without sockets.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "collector/router.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/heartbeat.hpp"

using namespace presence;

namespace {

// `ids` plain ids of 16 bytes in each message, a million users.
std::vector<std::string> messages_of(std::size_t ids) {
    std::vector<std::string> messages;
    std::size_t next = 0;
    for (std::size_t m = 0; m < (1u << 20) / ids / 4; ++m) {
        std::vector<std::string> users;
        for (std::size_t i = 0; i < ids; ++i) {
            std::string user = std::to_string(next++ * 7'919 % 1'000'000);
            users.push_back("user-" + std::string(11 - user.size(), '0') + user);
        }
        std::vector<Heartbeat> beats;
        for (const auto& user : users)
            beats.push_back({.user = user});
        messages.push_back(encode_heartbeats({}, beats));
    }
    return messages;
}

void per_heartbeat(benchmark::State& state, std::size_t count) {
    state.counters["heartbeats"] = benchmark::Counter(
        static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void decode(benchmark::State& state) {
    const auto messages = messages_of(static_cast<std::size_t>(state.range(0)));
    Heartbeats beats;
    Rejects rejects;
    std::size_t count = 0;
    for (std::size_t i = 0; auto _ : state) {
        decode_heartbeats(messages[i++ % messages.size()], beats, rejects);
        count += beats.ids.size();
    }
    per_heartbeat(state, count);
}
BENCHMARK(decode)->Arg(256)->Arg(1);

// From the id to its tracker, by ids of so many bytes; 64 of them, so that they lie in the cache.
void slot_hashing(benchmark::State& state) {
    const auto map = SlotMap::rendezvous(1, {"t1", "t2", "t3", "t4"});
    std::array<std::string, 64> users;
    for (std::size_t i = 0; i < users.size(); ++i)
        users[i] =
            std::string(static_cast<std::size_t>(state.range(0)), static_cast<char>('0' + i));
    std::size_t count = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(map.owner[slot_of(hash_of(users[count++ % users.size()]))]);
    per_heartbeat(state, count);
}
BENCHMARK(slot_hashing)->Arg(16)->Arg(128);

// Once for each map of trackers.
void rendezvous(benchmark::State& state) {
    std::vector<std::string> trackers;
    for (int i = 1; i <= state.range(0); ++i)
        trackers.push_back("t" + std::to_string(i));
    for (auto _ : state)
        benchmark::DoNotOptimize(SlotMap::rendezvous(1, trackers));
}
BENCHMARK(rendezvous)->Arg(8);

void route(benchmark::State& state) {
    const auto messages = messages_of(static_cast<std::size_t>(state.range(0)));
    collector::Router router({}, SlotMap::rendezvous(1, {"t1"}));
    std::vector<collector::Outgoing> out;
    Instant now{1s};
    std::uint64_t applied = 0;
    const std::size_t per_turn = state.range(0) == 1 ? 1'000 : 20;
    std::size_t i = 0;
    for (auto _ : state) {
        if (i % per_turn == 0) router.begin_turn(now);
        router.on_message(messages[i++ % messages.size()], now);
        if (i % per_turn != 0) continue;
        now += 1ms;
        router.end_turn(now, true, out);
        applied += out.size();
        out.clear();
        Ack ack{.cluster = "main",
                .tracker = "t1",
                .tracker_boot = 1,
                .collector_boot = 1,
                .applied = applied,
                .gap = false,
                .map_version = 1,
                .moved = 0,
                .sent_us = 1};
        router.on_ack(0, encode_ack(ack), now);
    }
    per_heartbeat(state, i * static_cast<std::size_t>(state.range(0)));
}
BENCHMARK(route)->Arg(256)->Arg(1);

// Rows of one full frame: written, and read again.
constexpr std::size_t kRows = 2'400;

RowGroups rows_of_a_frame() {
    RowGroups rows;
    const std::string user = "user-00000123456";
    for (std::size_t i = 0; i < kRows; ++i) {
        Row row{.hash = i, .user = user};
        rows.append(row);
    }
    rows.close_group(PeerInstant{1s});
    return rows;
}

void frame_encode(benchmark::State& state) {
    std::size_t count = 0;
    for (auto _ : state) {
        auto rows = rows_of_a_frame();
        benchmark::DoNotOptimize(encode_frame({}, rows.take()));
        count += kRows;
    }
    per_heartbeat(state, count);
}
BENCHMARK(frame_encode);

void frame_decode(benchmark::State& state) {
    const auto bytes = encode_frame({}, rows_of_a_frame().take());
    Frame frame;
    std::size_t count = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(decode_frame(bytes, frame));
        count += kRows;
    }
    per_heartbeat(state, count);
}
BENCHMARK(frame_decode);

}  // namespace

BENCHMARK_MAIN();
