// How late messages are, by clocks that stand still.
#include "collector/queueing_delay.hpp"

#include <catch2/catch.hpp>

using namespace presence;
using presence::collector::QueueingDelay;

namespace {

// A peer whose messages come as late as told.
struct Peer {
    QueueingDelay queueing_delay;
    // How late those are taken to be that come each half second, all but the last; of the last.
    Duration from(Duration from, Duration to, Duration difference) {
        Duration last{};
        for (auto t = from; t <= to; t += 500ms)
            last = late_by(t, difference);
        return last;
    }
    Duration late_by(Duration at, Duration difference) {
        return queueing_delay.late_by(Instant{1'000s + at}, difference);
    }
};

}  // namespace

TEST_CASE("one message in time shows that those before it were late", "[collector][transit]") {
    Peer peer;
    peer.from(0s, 5s, 0ms);
    CHECK(peer.from(5'500ms, 7s, 100ms) > 95ms);
    CHECK(peer.late_by(7'200ms, 5ms) < 10ms);
    // Two seconds without one: its clock stood still.
    CHECK(peer.from(7'500ms, 9s, 100ms) > 95ms);
    CHECK(peer.late_by(9'500ms, 100ms) < 5ms);
}

TEST_CASE("after a clock stood still the quickest of two seconds is the measure",
          "[collector][transit]") {
    Peer peer;
    peer.from(0s, 5s, 0ms);
    peer.late_by(5'500ms, 300ms);
    peer.late_by(6s, 100ms);
    peer.late_by(6'500ms, 300ms);
    const auto late = peer.late_by(7'500ms, 300ms);
    CHECK(late > 195ms);
    CHECK(late < 205ms);
}

TEST_CASE("a clock that stood still once more meanwhile is believed two seconds after that",
          "[collector][transit]") {
    Peer peer;
    peer.from(0s, 5s, 0ms);
    peer.from(5'500ms, 7s, 100ms);
    CHECK(peer.late_by(7'500ms, 200ms) > 95ms);
    CHECK(peer.from(8s, 9s, 200ms) > 95ms);
    CHECK(peer.late_by(9'500ms, 200ms) < 5ms);
}

TEST_CASE("what is late right after a clock stood still may wait in a queue for two seconds",
          "[collector][transit]") {
    Peer peer;
    peer.from(0s, 5s, 0ms);
    CHECK(peer.from(5'500ms, 7'500ms, 100ms) < 5ms);
    CHECK(peer.from(8s, 9'500ms, 150ms) > 45ms);
    CHECK(peer.late_by(10s, 150ms) < 5ms);
}
