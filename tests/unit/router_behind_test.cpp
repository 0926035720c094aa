#include <catch2/catch.hpp>

#include "collector/input_watermark.hpp"
#include "collector/link.hpp"
#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

using State = ReadLease::State;

// Behind a tracker that lacks more than 100 kB of rows.
RouterOptions small() {
    RouterOptions options;
    options.resend_bytes_max = 200'000;
    return options;
}

// Some 40 kB of rows.
std::string large_message(int n) {
    std::vector<std::string> users;
    for (int i = 0; i < 300; ++i) {
        users.push_back(std::to_string(n) + "-" + std::to_string(i) + "-");
        users.back().resize(kUserBytesMax, 'u');
    }
    std::vector<Heartbeat> beats;
    for (const auto& user : users)
        beats.push_back({.user = user});
    return encode_heartbeats({}, beats);
}

struct SlowTracker {
    explicit SlowTracker(std::vector<std::string> trackers = {"t1"}) : bench(small(), trackers) {
        sent.resize(trackers.size());
        applied.resize(trackers.size());
        for (std::size_t t = 0; t < trackers.size(); ++t)
            ids.push_back(trackers[t]);
        turns(50ms);
        for (std::size_t t = 0; t < trackers.size(); ++t)
            take(t);
    }

    // The tracker acknowledges `frames` more of what it was sent; all, if there are not so many.
    void take(std::size_t tracker, std::uint64_t frames = 1'000'000) {
        applied[tracker] = std::min(sent[tracker], applied[tracker] + frames);
        auto ack = bench.ack(applied[tracker]);
        ack.tracker = ids[tracker];
        bench.tell(ack, tracker);
    }
    void turn(const std::vector<std::string>& messages = {}, bool drained = true) {
        for (const auto& frame : bench.turn(messages, drained)) {
            sent[frame.tracker] = std::max(sent[frame.tracker], frame.header.number);
            losses = std::max(losses, frame.header.dropped);
            watermark = std::max(watermark, micros(frame.header.watermark));
        }
    }
    void turns(Duration time) {
        for (const Instant end = bench.now + time; bench.now < end;)
            turn();
    }
    // Reads until the input waits, or 20 messages.
    int fill() {
        int n = 0;
        for (; n < 20 && input() == State::open; ++n)
            turn({large_message(n)}, false);
        return n;
    }
    // As it is at the begin of the next turn.
    State input() {
        turn({}, false);
        return bench.router.input();
    }

    Bench bench;
    std::vector<std::string> ids;
    std::vector<std::uint64_t> sent, applied;  // by tracker
    std::uint64_t losses = 0;
    std::int64_t watermark = 0;
};

}  // namespace

TEST_CASE("input waits for a tracker that is behind, and is read as it takes more",
          "[collector][behind]") {
    SlowTracker world;
    CHECK(world.fill() < 5);
    CHECK(world.input() == State::waiting);
    CHECK(world.bench.router.counters()["waits"] > 0);
    for (int round = 0; round < 10; ++round) {
        world.take(0);
        CHECK(world.input() == State::open);
        world.fill();
    }
    CHECK(world.bench.router.counters()["backlog_rows"] == 0);
    CHECK(world.bench.router.counters()["merged"] == 0);
}

TEST_CASE("input is read for a tracker that takes nothing", "[collector][behind]") {
    SlowTracker world;
    world.fill();
    REQUIRE(world.input() == State::waiting);
    world.turns(Link::kTakesWithin);
    CHECK(world.input() == State::open);
    CHECK(world.fill() == 20);
    CHECK(world.bench.router.counters()["backlog_rows"] > 0);
    SECTION("and waits once more when it does") {
        world.take(0, 1);
        CHECK(world.input() == State::waiting);
    }
}

TEST_CASE("input waits for no tracker that was never heard", "[collector][behind]") {
    Bench bench(small());
    for (int n = 0; n < 20; ++n) {
        bench.turn({large_message(n)}, false);
        REQUIRE(bench.router.input() == State::open);
    }
}

TEST_CASE("nobody's users wait for another's tracker", "[collector][behind]") {
    SlowTracker world({"t1", "t2"});
    for (int n = 0; n < 20; ++n) {
        world.turn({large_message(n)}, false);
        REQUIRE(world.bench.router.input() == State::open);
        world.take(1);
        world.take(0, 1);
    }
    SECTION("but all wait for both") {
        world.fill();
        CHECK(world.input() == State::waiting);
        world.take(1);
        CHECK(world.input() == State::open);
    }
    SECTION("and for one, if the other takes nothing") {
        for (auto end = world.bench.now + Link::kTakesWithin; world.bench.now < end;) {
            world.take(0);
            world.turn();
        }
        world.fill();
        CHECK(world.input() == State::waiting);
    }
}

TEST_CASE("input waits for no longer than a second at a time", "[collector][behind]") {
    SlowTracker world;
    std::vector<std::string> messages;
    for (int n = 0; n < 12; ++n)
        messages.push_back(large_message(n));
    world.turn(messages, false);
    // It takes one frame of rows each 200 ms: it lives, and needs longer for what waits.
    const Instant began = world.bench.now;
    Instant next = began;
    while (world.input() == State::waiting) {
        REQUIRE(world.bench.now < began + 2s);
        if (world.bench.now < next) continue;
        world.take(0, 1);
        next += 200ms;
    }
    CHECK(world.bench.now - began >= ReadLease::kBehindMax - 50ms);
}

TEST_CASE("the watermark stands while the input waits", "[collector][behind]") {
    SlowTracker world;
    world.fill();
    REQUIRE(world.input() == State::waiting);
    const auto before = world.watermark;
    const Instant full = world.bench.now;
    world.turns(200ms);  // the input may look empty: nobody looked
    world.take(0);
    CHECK(world.watermark <= micros(full));
    CHECK(world.watermark == before);
    world.turns(50ms);
    CHECK(world.watermark > micros(full));
    CHECK(world.losses == 0);
}

TEST_CASE("an input that is full for two seconds is told as a loss", "[collector][behind]") {
    SlowTracker world;
    const auto full_for = [&](Duration time) {
        for (const Instant end = world.bench.now + time; world.bench.now < end;) {
            world.turn({beat("a")}, false);
            world.take(0);
        }
        const auto before = world.losses;
        world.turns(50ms);
        return world.losses - before;
    };
    CHECK(full_for(InputWatermark::kAbandoned - 100ms) == 0);
    CHECK(full_for(InputWatermark::kAbandoned + 100ms) == 1);
    CHECK(full_for(InputWatermark::kAbandoned - 100ms) == 0);
}
