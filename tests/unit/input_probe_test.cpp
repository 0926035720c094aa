#include <catch2/catch.hpp>

#include "collector/input_probe.hpp"
#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

// A router whose probes come back with the next turn, while the test lets them.
struct Probed {
    Bench bench{[] {
        RouterOptions options;
        options.probed = true;
        options.began = Instant{1'000s};
        return options;
    }()};
    std::optional<std::uint64_t> under_way;
    std::vector<std::string> next;  // messages of the next turn
    std::uint64_t told_losses = 0;

    // Turns each millisecond; the watermark of the last frame.
    Instant turns(Duration time, bool comes_back = true) {
        Instant watermark{};
        for (const Instant end = bench.now + time; bench.now < end;) {
            if (comes_back && under_way)
                bench.router.on_probe(*std::exchange(under_way, std::nullopt), bench.now);
            for (const auto& frame : bench.turn(std::exchange(next, {}))) {
                watermark = Instant{frame.header.watermark.time_since_epoch()};
                told_losses = frame.header.dropped;
                bench.tell(bench.ack(frame.header.number));
            }
            if (const auto probe = bench.router.probe(bench.now)) under_way = probe;
        }
        return watermark;
    }
};

}  // namespace

TEST_CASE("without a probe that came back the watermark stays where it began",
          "[collector][watermark][probe]") {
    Probed probed;
    CHECK(probed.turns(100ms, false) == Instant{1'000s});
    CHECK(probed.turns(100ms) > Instant{1'000s});
}

TEST_CASE("the watermark is as far as the newest probe that came back, an interval behind",
          "[collector][watermark][probe]") {
    Probed probed;
    for (int n = 0; n < 10; ++n) {
        const Instant watermark = probed.turns(60ms);
        CHECK(watermark <= probed.bench.now - 1ms);
        CHECK(watermark >= probed.bench.now - InputProbe::kInterval - 22ms);  // a frame each 20 ms
    }
}

TEST_CASE("while what feeds the input stalls the watermark stands, and for a second more",
          "[collector][watermark][probe]") {
    Probed probed;
    probed.turns(40ms);
    const Instant stalled = probed.bench.now;
    CHECK(probed.turns(300ms, false) <= stalled);
    CHECK(probed.bench.router.input_silence(probed.bench.now) >= 270ms);
    CHECK(probed.turns(990ms) <= stalled);
    CHECK(probed.turns(60ms) > probed.bench.now - InputProbe::kInterval - 22ms);
    CHECK(probed.bench.router.input_silence(probed.bench.now) < 10ms);
    CHECK(probed.bench.router.counters()["input_stalls"] == 1);
    CHECK(probed.told_losses == 0);
}

TEST_CASE("edges may have given up while what feeds the input stalled for long: a loss is told",
          "[collector][watermark][probe]") {
    Probed probed;
    probed.turns(40ms);
    probed.turns(2'100ms, false);
    CHECK(probed.told_losses == 0);
    probed.turns(40ms);
    CHECK(probed.told_losses == 1);
}

TEST_CASE("one probe is under way, and again after a second; an old one proves nothing",
          "[collector][probe]") {
    InputProbe probe;
    Instant now{1'000s};
    const auto first = probe.due(now);
    REQUIRE(first);
    CHECK_FALSE(probe.due(now + 999ms));
    CHECK(probe.due(now + 1s) == first);
    CHECK_FALSE(probe.on_back(*first + 1));
    CHECK(probe.on_back(*first) == now);  // when it was sent for the first time
    CHECK_FALSE(probe.on_back(*first));
    now += 1s + InputProbe::kInterval;
    CHECK_FALSE(probe.due(now - 1ms));  // too soon
    const auto second = probe.due(now);
    REQUIRE(second);
    CHECK(*second != *first);
    CHECK_FALSE(probe.on_back(*first));
    CHECK(probe.on_back(*second) == now);
}

TEST_CASE("what waits for event time is probed at once, until that has passed it",
          "[collector][probe]") {
    InputProbe probe;
    Instant now{1'000s};
    CHECK(probe.next_wakeup() == Instant::max());
    REQUIRE(probe.on_back(probe.due(now).value()));
    CHECK_FALSE(probe.due(now += 1ms));
    CHECK(probe.next_wakeup() == Instant::max());
    probe.hurry(now);
    for (int n = 0; n < 3; ++n)  // the last is asked kPassed behind it
        REQUIRE(probe.on_back(probe.due(now += 1ms).value()));
    CHECK_FALSE(probe.due(now += 1ms));
    // Turns are wanted until the last is back, and no longer, even if it is lost.
    CHECK(probe.next_wakeup() == now + InputProbe::kTurn);
    (void)probe.due(now += InputProbe::kInterval);
    CHECK(probe.next_wakeup() == Instant::max());
    probe.hurry(now);
    probe.rest();
    CHECK(probe.next_wakeup() == Instant::max());
}

TEST_CASE("a bye is behind the watermark two frames later, whenever it comes",
          "[collector][watermark][probe]") {
    for (auto pause = 20ms; pause < 40ms; pause += 1ms) {
        Probed probed;
        probed.turns(pause);
        probed.next = {bye("alice", "")};
        const Instant read = probed.bench.now + 500us;
        CHECK(probed.turns(24ms) > read + InputProbe::kPassed);
    }
}
