#include <array>
#include <catch2/catch.hpp>

#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

Instant watermark_of(const std::vector<SentFrame>& frames) {
    REQUIRE_FALSE(frames.empty());
    return Instant{frames.back().header.watermark.time_since_epoch()};
}

}  // namespace

TEST_CASE("a frame goes out at each flush, with the time before the turn's first read",
          "[collector][watermark]") {
    Bench bench;
    const Instant began = bench.now;
    const auto frames = bench.turn({beat("alice")});
    REQUIRE(frames.size() == 1);
    CHECK(watermark_of(frames) == began);
    REQUIRE(frames[0].rows.size() == 1);
    CHECK(frames[0].rows[0].user == "alice");
    // Rows are stamped with a time after their read.
    CHECK(frames[0].rows[0].read_us == micros(bench.now));

    // Without rows half as often; a row that comes waits no longer for that.
    CHECK(bench.turns(100ms).size() == 5);
    CHECK(bench.turn({beat("alice")}).empty());
    CHECK(users_of(bench.turns(9ms)) == std::vector<std::string>{"alice"});
    CHECK(bench.turns(15ms).empty());
    CHECK(users_of(bench.turn({beat("alice")})) == std::vector<std::string>{"alice"});
    // Whoever sleeps until then finds the next frame due.
    bench.turns(5ms);
    bench.now = bench.router.next_wakeup() - 1ms;
    CHECK(bench.turn().size() == 1);
}

TEST_CASE("the watermark stands still while the input is not found empty",
          "[collector][watermark]") {
    Bench bench;
    const Instant first = watermark_of(bench.turns(20ms));
    const auto busy = bench.turns(500ms, false);
    CHECK(busy.size() == 25);
    CHECK(watermark_of(busy) <= first + 20ms);
    const Instant before = bench.now;
    CHECK(watermark_of(bench.turns(40ms)) > before);
}

TEST_CASE("after a stall the watermark stands still for a second", "[collector][watermark]") {
    Bench bench;
    const Instant first = watermark_of(bench.turns(20ms));
    SECTION("between turns") {
        bench.now += 251ms;
    }
    SECTION("within a turn") {
        bench.router.begin_turn(bench.now);
        bench.now += 251ms;
        std::vector<Outgoing> out;
        bench.router.end_turn(bench.now, true, out);
    }
    for (const auto& frame : bench.turns(970ms))
        bench.tell(bench.ack(frame.header.number));
    const auto held = bench.turns(20ms);
    CHECK(watermark_of(held) <= first + 20ms);
    CHECK(watermark_of(bench.turns(40ms)) > bench.now - 40ms);
}

TEST_CASE("a stall in which edges may have given up is told as a loss, to every tracker",
          "[collector][watermark]") {
    Bench bench({}, {"t1", "t2"});
    bench.turns(20ms);
    const auto told = [&] {
        std::array<std::uint64_t, 2> losses{};
        for (const auto& frame : bench.turns(20ms))
            losses.at(frame.tracker) = frame.header.dropped;
        return losses;
    };
    using Losses = std::array<std::uint64_t, 2>;
    bench.now += 1'999ms;
    CHECK(told() == Losses{0, 0});
    bench.now += 2'001ms;
    CHECK(told() == Losses{1, 1});
    bench.now += 60s;
    CHECK(told() == Losses{2, 2});
    CHECK(bench.router.counters()["dropped"] == 0);  // no row was
}

TEST_CASE("a pause of a quarter of a second is no stall", "[collector][watermark]") {
    Bench bench;
    bench.turns(20ms);
    bench.now += 250ms;
    const Instant began = bench.now;
    CHECK(watermark_of(bench.turn()) == began);
}

TEST_CASE("a frame that is full before the turn ends promises nothing new",
          "[collector][watermark]") {
    Bench bench;
    const Instant first = watermark_of(bench.turn());
    bench.turns(9ms);
    std::vector<std::string> ids(8'000, std::string(16, 'x'));
    std::vector<Heartbeat> beats;
    for (const auto& id : ids)
        beats.push_back({.user = id});
    beats.resize(3'000, beats[0]);
    const auto message = encode_heartbeats({}, beats);
    const Instant began = bench.now;
    const auto frames = bench.turn({message, message});
    REQUIRE(frames.size() >= 2);
    for (std::size_t i = 0; i + 1 < frames.size(); ++i) {
        CHECK(Instant{frames[i].header.watermark.time_since_epoch()} <= first + 10ms);
        CHECK(frames[i].rows.size() * 26 >= kFrameBytesTarget);
    }
    CHECK(watermark_of(frames) == began);
    CHECK(users_of(frames).size() == 6'000);
}
