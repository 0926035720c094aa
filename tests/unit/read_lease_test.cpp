#include "collector/read_lease.hpp"

#include <catch2/catch.hpp>

#include "collector/input_watermark.hpp"
#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

constexpr Instant kStart{1'000s};

RouterOptions leased() {
    RouterOptions options;
    options.lease = 3s;
    return options;
}

// A tracker's word that it has heard what was sent `ago`.
void tell(Bench& bench, std::uint64_t applied = 0, Duration ago = 0s) {
    auto ack = bench.ack(applied);
    ack.heard_us = micros(bench.now - ago);
    bench.tell(ack);
}

void hear(Bench& bench) {
    tell(bench);
    bench.turn();
}

}  // namespace

TEST_CASE("an input is open as long as a tracker's word holds, then waits, then closes",
          "[collector][intake]") {
    ReadLease read_lease(3s, 10s);
    const auto at = [&](Duration after) {
        read_lease.begin_turn(kStart + after);
        return read_lease.state();
    };
    read_lease.vouch(kStart);
    CHECK(at(0s) == ReadLease::State::open);
    CHECK(at(2'999ms) == ReadLease::State::open);
    read_lease.vouch(kStart + 1s);
    read_lease.vouch(kStart + 500ms);  // what came late takes nothing back
    CHECK(at(3'999ms) == ReadLease::State::open);
    CHECK(at(4s) == ReadLease::State::waiting);
    CHECK(at(4'999ms) == ReadLease::State::waiting);
    read_lease.vouch(kStart + 4'990ms);
    CHECK(at(5s) == ReadLease::State::open);
    CHECK(at(8s) == ReadLease::State::waiting);
    CHECK(at(9s) == ReadLease::State::closed);
    CHECK(at(60s) == ReadLease::State::closed);
}

TEST_CASE("nothing is read before the first word, and an input that gets none closes",
          "[collector][intake]") {
    for (const auto& [lease, patience] : {std::pair{3s, 3s}, std::pair{30s, 5s}}) {
        ReadLease read_lease(lease, 10s);
        read_lease.begin_turn(kStart);
        CHECK(read_lease.state() == ReadLease::State::waiting);
        read_lease.begin_turn(kStart + patience - 1ms);
        CHECK(read_lease.state() == ReadLease::State::waiting);
        read_lease.begin_turn(kStart + patience);
        CHECK(read_lease.state() == ReadLease::State::closed);
        read_lease.vouch(kStart + 10s);
        read_lease.begin_turn(kStart + 10s);
        CHECK(read_lease.state() == ReadLease::State::open);
    }

    ReadLease without(Duration::max(), 10s);
    without.begin_turn(kStart);
    CHECK(without.state() == ReadLease::State::open);
}

TEST_CASE("an input that stood still does not close before it could hear a tracker",
          "[collector][intake]") {
    ReadLease read_lease(3s, 10s);
    read_lease.vouch(kStart);
    read_lease.begin_turn(kStart);
    read_lease.begin_turn(kStart + 60s);
    CHECK(read_lease.state() == ReadLease::State::waiting);
    read_lease.vouch(kStart + 60s);
    read_lease.begin_turn(kStart + 60'001ms);
    CHECK(read_lease.state() == ReadLease::State::open);
}

TEST_CASE("after an input was closed edges are waited for, as long as they may pause",
          "[collector][intake]") {
    const auto waits_after = [](Duration closed) {
        ReadLease read_lease(3s, 10s);
        read_lease.vouch(kStart);
        for (const auto after : {Duration{0s}, Duration{3s}, Duration{4s}})
            read_lease.begin_turn(kStart + after);
        REQUIRE(read_lease.state() == ReadLease::State::closed);
        const auto now = kStart + 4s + closed;
        read_lease.vouch(now);
        read_lease.begin_turn(now);
        REQUIRE(read_lease.state() == ReadLease::State::open);
        // Its address is bound again half a second later: it was closed until then.
        return read_lease.on_opened(now + 500ms) - (now + 500ms);
    };
    CHECK(waits_after(100ms) == 4'600ms);
    CHECK(waits_after(5s) == 9'500ms);
    CHECK(waits_after(1h) == 12s);
}

TEST_CASE("an input that was opened in vain stays closed since the first time",
          "[collector][intake]") {
    ReadLease read_lease(3s, 30s);
    read_lease.vouch(kStart);
    for (const auto after : {0s, 3s, 4s, 10s, 13s, 14s, 20s}) {
        if (after == 10s || after == 20s) read_lease.vouch(kStart + after);
        read_lease.begin_turn(kStart + after);
    }
    REQUIRE(read_lease.state() == ReadLease::State::open);
    CHECK(read_lease.on_opened(kStart + 20s) == kStart + 20s + 16s + 4s);
}

TEST_CASE("what was unread counts from the last turn that read", "[collector][intake]") {
    ReadLease read_lease(3s, 10s);
    read_lease.begin_turn(kStart);
    read_lease.vouch(kStart + 10ms);
    read_lease.begin_turn(kStart + 10ms);
    CHECK(read_lease.unread_since() == kStart);
    read_lease.begin_turn(kStart + 2'900ms);
    read_lease.begin_turn(kStart + 3'100ms);
    REQUIRE(read_lease.state() == ReadLease::State::waiting);
    read_lease.vouch(kStart + 3'200ms);
    read_lease.begin_turn(kStart + 3'200ms);
    CHECK(read_lease.unread_since() == kStart + 2'900ms);
}

TEST_CASE("a lease needs a grace that is longer than machines stand still", "[collector][intake]") {
    CHECK(RouterOptions::lease_for(30s) == 22'500ms);
    CHECK(RouterOptions::lease_for(4s) == 3s);
    CHECK(RouterOptions::lease_for(3'999ms) == Duration::max());
}

TEST_CASE("a router reads while any tracker vouches for it", "[collector][intake]") {
    Bench bench(leased(), {"t1", "t2"});
    hear(bench);
    bench.turns(2s);
    hear(bench);
    bench.turns(2'990ms);
    CHECK(bench.router.input() == ReadLease::State::open);
    bench.turns(20ms);
    CHECK(bench.router.input() == ReadLease::State::waiting);
    bench.turns(1s);
    CHECK(bench.router.input() == ReadLease::State::closed);
    CHECK(bench.router.counters()["closings"] == 1);
    bench.turns(10s, false);
    CHECK(bench.router.counters()["closings"] == 1);
}

TEST_CASE("a lease counts from when the frame was sent that the tracker has heard",
          "[collector][intake]") {
    Bench bench(leased());
    hear(bench);
    bench.turns(2'500ms);
    // A lease from now on would let us read on after the tracker gave us up. Words of before take
    // nothing back.
    tell(bench, 0, 2s);
    tell(bench, 0, 2'400ms);
    bench.turns(990ms);
    CHECK(bench.router.input() == ReadLease::State::open);
    bench.turns(20ms);
    CHECK(bench.router.input() == ReadLease::State::waiting);
}

TEST_CASE("a tracker that tells of no frame, or of one to come, vouches for nothing",
          "[collector][intake]") {
    Bench bench(leased());
    auto ack = bench.ack(0);
    ack.heard_us = GENERATE_COPY(std::int64_t{0}, ack.heard_us + 1, ack.heard_us + 60'000'000);
    bench.tell(ack);
    bench.turn();
    CHECK(bench.router.input() == ReadLease::State::waiting);
    CHECK(bench.router.counters()["refused_acks"] == 0);
}

TEST_CASE("an acknowledgement that is refused vouches for nothing", "[collector][intake]") {
    Bench bench(leased());
    hear(bench);
    bench.turns(2'990ms);
    REQUIRE(bench.router.input() == ReadLease::State::open);
    auto ack = bench.ack(0);
    ack.collector_boot = 99;
    bench.tell(ack);
    bench.turns(30ms);
    CHECK(bench.router.input() == ReadLease::State::waiting);
}

TEST_CASE("whoever leaves with what came unread tells a loss", "[collector][intake]") {
    Bench bench(leased());
    const bool read = GENERATE(true, false);
    if (read) hear(bench);
    bench.turns(50ms);
    const auto last = bench.goodbye();
    REQUIRE_FALSE(last.empty());
    CHECK(last.back().header.goodbye);
    CHECK(last.back().header.dropped == (read ? 0 : 1));
}

TEST_CASE("after its input was closed the watermark stands, and a loss is told",
          "[collector][intake][watermark]") {
    Bench bench(leased());
    hear(bench);
    bench.turns(3s);
    const PeerInstant drained{bench.now.time_since_epoch()};
    bench.turns(4s, false);  // closed for 3 s
    REQUIRE(bench.router.input() == ReadLease::State::closed);
    const auto before = bench.turns(2s, false);
    REQUIRE_FALSE(before.empty());
    CHECK(before.back().header.dropped == 0);

    hear(bench);
    REQUIRE(bench.router.input() == ReadLease::State::open);
    bench.router.on_opened(bench.now);
    const Instant opened = bench.now;
    std::optional<Instant> first_new;
    std::uint64_t told = 0;
    std::uint64_t applied = 0;
    for (Duration after{0}; after < 11s; after += 10ms) {
        tell(bench, applied);
        for (const auto& frame : bench.turns(10ms)) {
            applied = std::max(applied, frame.header.number);
            told = frame.header.dropped;
            if (!first_new && frame.header.watermark > drained) first_new = bench.now;
        }
        if (after == 1'100ms) CHECK(told == 1);  // with the next probe: deadlines are lifted then
    }
    CHECK(told == 1);
    REQUIRE(first_new);
    // Closed for 5.03 s, the first pauses 2 s, connecting 2 s.
    CHECK(*first_new - opened >= 9'010ms);
    CHECK(*first_new - opened <= 9'110ms);
}

TEST_CASE("a stall after it was opened again ends no wait for edges",
          "[collector][intake][watermark]") {
    InputWatermark watermark(kStart, false);
    watermark.begin_turn(kStart);
    watermark.on_reopened(kStart + 10s);
    watermark.end_turn(kStart, true);
    watermark.begin_turn(kStart + 400ms);  // stood still
    watermark.end_turn(kStart + 400ms, true);
    for (Duration t = 410ms; t < 10s; t += 10ms) {
        watermark.begin_turn(kStart + t);
        watermark.end_turn(kStart + t, true);
        REQUIRE(watermark.value() == kStart);
    }
    watermark.begin_turn(kStart + 10s);
    watermark.end_turn(kStart + 10s, true);
    CHECK(watermark.value() == kStart + 10s);
}

TEST_CASE("after it waited a router is as cautious as after a stall",
          "[collector][intake][watermark]") {
    Bench bench(leased());
    hear(bench);
    bench.turns(3s);
    bench.turns(300ms, false);
    REQUIRE(bench.router.input() == ReadLease::State::waiting);
    const PeerInstant unread{bench.now.time_since_epoch()};
    std::uint64_t applied = 0;
    std::optional<Instant> first_new;
    const Instant opened = bench.now;
    for (int n = 0; n < 200 && !first_new; ++n) {
        tell(bench, applied);
        for (const auto& frame : bench.turns(10ms)) {
            applied = std::max(applied, frame.header.number);
            if (frame.header.watermark > unread) first_new = bench.now;
        }
    }
    REQUIRE(first_new);
    CHECK(*first_new - opened >= InputWatermark::kHold);
}
