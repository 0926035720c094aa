#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "failure_detector_peer.hpp"

using namespace presence;
using namespace presence::tracker;
using Accept = FailureDetector::Accept;

TEST_CASE("event time is the least watermark of all known collectors", "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1", "c2"}, at(0s));
    Peer c1;
    Peer c2{"c2"};
    CHECK(marks.on_frame(c1.next(at(1s), at(900ms)), kSelf, at(1s)) == Accept::apply);
    CHECK_FALSE(marks.event_time(at(1s)));  // c2 is expected
    CHECK(marks.on_frame(c2.next(at(1s), at(500ms)), kSelf, at(1s)) == Accept::apply);
    CHECK(marks.event_time(at(1s)).value() <= at(500ms));
    CHECK(marks.event_time(at(1s)).value() > at(499ms));  // loosened by drift only
    CHECK(marks.on_frame(c2.next(at(2s), at(2s)), kSelf, at(2s)) == Accept::apply);
    CHECK(marks.event_time(at(2s)).value() <= at(900ms));
    CHECK(marks.event_time(at(2s)).value() > at(898ms));
}

TEST_CASE("a watermark without an echo of this tracker's run counts for nothing",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    auto silent = c1.next(at(1s), at(1s));
    silent.echo.reset();
    CHECK(marks.on_frame(silent, kSelf, at(1s)) == Accept::apply);
    CHECK_FALSE(marks.event_time(at(1s)));
    auto foreign = c1.next(at(1s), at(1s));
    foreign.echo->tracker_boot = kSelf - 1;
    CHECK(marks.on_frame(foreign, kSelf, at(1s)) == Accept::apply);
    CHECK_FALSE(marks.event_time(at(1s)));
    auto future = c1.next(at(1s), at(1s));
    future.echo->acked_us += 60'000'000;
    CHECK(marks.on_frame(future, kSelf, at(1s)) == Accept::apply);
    CHECK_FALSE(marks.event_time(at(1s)));
    CHECK(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    CHECK(marks.event_time(at(1s)) == at(1s));
}

TEST_CASE("only contiguous frames are applied; a gap is told until it is filled",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {}, at(0s));
    Peer c1;
    const auto first = c1.next(at(1s), at(1s));
    const auto second = c1.next(at(2s), at(2s));
    const auto third = c1.next(at(3s), at(3s));
    CHECK(marks.on_frame(third, kSelf, at(3s)) == Accept::gap);  // base says 1 comes first
    CHECK(marks.view_of({"c1", 100}, at(3s))->gap);
    CHECK(marks.view_of({"c1", 100}, at(3s))->applied == 0);
    CHECK(marks.on_frame(first, kSelf, at(3s)) == Accept::apply);
    CHECK(marks.on_frame(first, kSelf, at(3s)) == Accept::duplicate);
    CHECK(marks.on_frame(second, kSelf, at(3s)) == Accept::apply);
    CHECK(marks.on_frame(third, kSelf, at(3s)) == Accept::apply);
    CHECK_FALSE(marks.view_of({"c1", 100}, at(3s))->gap);
    CHECK_FALSE(marks.take_lift());
}

TEST_CASE("a tracker that starts late takes up a collector's frames at its base",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    c1.number = 40;
    c1.base = 41;
    CHECK(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    CHECK_FALSE(marks.take_lift());
    CHECK(marks.covered_since() == std::nullopt);
    REQUIRE(marks.event_time(at(1s)));
    CHECK(marks.covered_since() == at(1s));
}

TEST_CASE("whatever may have swallowed heartbeats asks for a lift and restarts the coverage",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    REQUIRE(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    REQUIRE(marks.event_time(at(1s)));
    REQUIRE_FALSE(marks.take_lift());

    SECTION("a new boot, and no word of the old one") {
        Peer again;
        again.boot = 101;
        CHECK(marks.on_frame(again.next(at(5s), at(5s)), kSelf, at(5s)) == Accept::apply);
        marks.on_time(at(5s) + FailureDetector::kOverlap);
        CHECK_FALSE(marks.take_lift());
        CHECK(marks.event_time(at(6s)) <= at(1s));
        marks.on_time(at(5s) + FailureDetector::kOverlap + 1us);
        CHECK(marks.known() == 1);
    }
    SECTION("reported drops") {
        c1.dropped = 3;
        CHECK(marks.on_frame(c1.next(at(5s), at(5s)), kSelf, at(5s)) == Accept::apply);
    }
    SECTION("frames that only an earlier run of ours can have acknowledged") {
        c1.number = 9;
        c1.base = 10;
        CHECK(marks.on_frame(c1.next(at(5s), at(5s)), kSelf, at(5s)) == Accept::apply);
    }
    SECTION("silence beyond the grace") {
        marks.on_time(at(1s) + kGrace);
        CHECK(marks.known() == 1);
        marks.on_time(at(5s) + kGrace);
        CHECK(marks.known() == 0);
    }
    CHECK(marks.take_lift());
    CHECK_FALSE(marks.take_lift());
    CHECK(marks.covered_since() >= at(5s));
}

TEST_CASE("what a collector read after we began is lost with its run, though we never heard it",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    marks.resume({"c1", 100, 5});
    Peer c1;
    SECTION("another run") {
        c1.boot = 101;
        CHECK(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
        CHECK_FALSE(marks.event_time(at(1s)));  // it may speak still
        marks.on_time(at(3s));
        CHECK(marks.take_lift());
        CHECK(marks.event_time(at(3s)));
    }
    SECTION("another run, and this one") {
        Peer other;
        other.boot = 101;
        c1.number = 5;
        for (auto t = 1s; t < 40s; t += 1s) {
            CHECK(marks.on_frame(other.next(at(t), at(t)), kSelf, at(t)) == Accept::apply);
            CHECK(marks.on_frame(c1.next(at(t), at(t)), kSelf, at(t)) == Accept::apply);
            marks.on_time(at(t));
        }
        CHECK_FALSE(marks.take_lift());
    }
    SECTION("the same run") {
        c1.number = 5;
        CHECK(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
        CHECK_FALSE(marks.take_lift());
    }
    SECTION("another run, of one that had left") {
        FailureDetector others(kGrace, {}, at(0s));
        others.resume({"c1", 100, 5});
        c1.boot = 101;
        CHECK(others.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
        CHECK_FALSE(others.take_lift());
    }
}

TEST_CASE("an expected collector that never speaks holds event time for the grace only",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1", "c2"}, at(0s));
    Peer c1;
    marks.on_time(at(29s));
    CHECK(marks.on_frame(c1.next(at(29s), at(29s)), kSelf, at(29s)) == Accept::apply);
    CHECK_FALSE(marks.event_time(at(29s)));
    marks.on_time(at(31s));
    CHECK(marks.take_lift());
    CHECK(marks.event_time(at(31s)));
}

TEST_CASE("a goodbye releases event time at once and is acknowledged", "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1", "c2"}, at(0s));
    Peer c1;
    Peer c2{"c2"};
    REQUIRE(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    REQUIRE(marks.on_frame(c2.next(at(2s), at(2s)), kSelf, at(2s)) == Accept::apply);
    auto bye = c1.next(at(2s), at(2s));
    bye.goodbye = true;
    REQUIRE(marks.on_frame(bye, kSelf, at(2s)) == Accept::apply);
    REQUIRE(marks.on_frame(c2.next(at(9s), at(9s)), kSelf, at(9s)) == Accept::apply);
    CHECK(marks.event_time(at(9s)).value() > at(8s));
    CHECK(marks.view_of({"c1", 100}, at(9s))->applied == 2);
    CHECK(marks.on_frame(bye, kSelf, at(9s)) == Accept::duplicate);  // and stays departed
    CHECK(marks.known() == 1);

    Peer again;
    again.boot = 101;
    CHECK(marks.on_frame(again.next(at(10s), at(10s)), kSelf, at(10s)) == Accept::apply);
    CHECK_FALSE(marks.take_lift());
    CHECK(marks.known() == 2);
}

TEST_CASE("what came while no collector was there nobody knows", "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    REQUIRE(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    REQUIRE(marks.event_time(at(1s)) == at(1s));
    auto bye = c1.next(at(2s), at(2s));
    bye.goodbye = true;
    REQUIRE(marks.on_frame(bye, kSelf, at(2s)) == Accept::apply);
    REQUIRE_FALSE(marks.take_lift());
    Peer next;
    SECTION("until its next run") {
        next.boot = 101;
    }
    SECTION("until another one") {
        next.id = "c2";
    }
    CHECK(marks.on_frame(next.next(at(60s), at(60s)), kSelf, at(60s)) == Accept::apply);
    CHECK(marks.take_lift());
    CHECK(marks.covered_since() == at(60s));
}

TEST_CASE("senseless numbers and a flood of collectors are refused", "[tracker][watermark]") {
    FailureDetector marks(kGrace, {}, at(0s));
    Peer c1;
    auto senseless = c1.next(at(1s), at(1s));
    senseless.base = 0;
    CHECK(marks.on_frame(senseless, kSelf, at(1s)) == Accept::senseless);
    senseless.base = 2;
    CHECK(marks.on_frame(senseless, kSelf, at(1s)) == Accept::senseless);
    for (std::size_t n = 0; n < FailureDetector::kCollectorsMax; ++n) {
        Peer peer{"x" + std::to_string(n)};
        REQUIRE(marks.on_frame(peer.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    }
    Peer late{"late"};
    CHECK(marks.on_frame(late.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::no_room);
    Peer known{"x0"};
    known.number = 1;
    CHECK(marks.on_frame(known.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    marks.on_time(at(2s) + kGrace);  // all silent: they make room
    late.number = 0;
    CHECK(marks.on_frame(late.next(at(40s), at(40s)), kSelf, at(40s)) == Accept::apply);
    CHECK(marks.view(at(40s)).size() == FailureDetector::kCollectorsMax);
}

TEST_CASE("another run of a collector begins with nothing of the one before",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    c1.dropped = 5;
    CHECK(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    Peer again;
    again.boot = 200;
    CHECK(marks.on_frame(again.next(at(9s), at(9s)), kSelf, at(9s)) == Accept::apply);
    CHECK(marks.take_lift());
    again.dropped = 3;
    CHECK(marks.on_frame(again.next(at(10s), at(10s)), kSelf, at(10s)) == Accept::apply);
    CHECK(marks.take_lift());
}

TEST_CASE("an echo that comes again tells nothing new of a clock", "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    auto frame = c1.next(at(1s), at(1s));
    const auto echo = frame.echo;
    CHECK(marks.on_frame(frame, kSelf, at(1s)) == Accept::apply);
    for (auto t = 2s; t <= 51s; t += 1s) {
        frame = c1.next(at(t), at(t));
        frame.echo = echo;
        REQUIRE(marks.on_frame(frame, kSelf, at(t)) == Accept::apply);
    }
    // 500 ppm of 50 s.
    CHECK(marks.event_time(at(51s)).value() <= at(51s) - 24ms);
}

TEST_CASE("without a collector nothing is covered; all that are known are told by their names",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {}, at(0s));
    CHECK_FALSE(marks.event_time(at(1s)));
    CHECK_FALSE(marks.covered_since());
    CHECK_FALSE(marks.view_of({"c1", 100}, at(1s)));
    marks.resume({"c9", 1, 1});  // not heard again yet
    for (const auto* id : {"c3", "c1", "c2"}) {
        Peer peer{id};
        REQUIRE(marks.on_frame(peer.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    }
    const auto all = marks.view(at(1s));
    REQUIRE(all.size() == 3);
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(all[i].id == "c" + std::to_string(i + 1));
    std::string ids;
    for (const auto& link : marks.applied())
        ids += link.collector;
    CHECK(ids == "c1c2c3c9");
}

TEST_CASE("a collector that is gone is shown until the file names it no more",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1", "c2", "c3", "c4"}, at(0s));
    Peer c1;
    Peer c2{"c2"};
    Peer c3{"c3"};
    marks.on_frame(c2.next(at(1s), at(1s)), kSelf, at(1s));
    auto last = c3.next(at(1s), at(1s));
    last.goodbye = true;
    marks.on_frame(last, kSelf, at(1s));
    const auto shown = [&](Duration t) {
        std::string ids;
        for (const auto& view : marks.view(at(t)))
            ids += std::string(view.id) + " ";
        return ids;
    };
    marks.expect({"c1"}, at(1s));
    CHECK(shown(1s) == "c1 c2 c4 ");  // c2 lives, c4 may
    marks.on_time(at(1s) + kGrace + 1us);
    marks.on_frame(c1.next(at(2s) + kGrace, at(2s) + kGrace), kSelf, at(2s) + kGrace);
    CHECK(shown(2s + kGrace) == "c1 c2 c4 ");
    marks.expect({"c1", "c4"}, at(2s) + kGrace);
    CHECK(shown(2s + kGrace) == "c1 c4 ");
    CHECK(marks.event_time(at(2s) + kGrace) == at(2s) + kGrace);
}

TEST_CASE("a collector that is new in the file is waited for", "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s));
    REQUIRE(marks.event_time(at(1s)) == at(1s));
    marks.expect({"c1", "c2"}, at(2s));
    marks.on_frame(c1.next(at(3s), at(3s)), kSelf, at(3s));
    CHECK(marks.event_time(at(3s)) == at(1s));
    marks.expect({"c1", "c2"}, at(20s));  // it is no longer new
    marks.on_time(at(2s) + kGrace + 1us);
    marks.on_frame(c1.next(at(4s) + kGrace, at(4s) + kGrace), kSelf, at(4s) + kGrace);
    CHECK(marks.event_time(at(4s) + kGrace) == at(4s) + kGrace);
}

TEST_CASE("who was never heard and is given up is expected again once another tells of it",
          "[tracker][watermark]") {
    using State = FailureDetector::View::State;
    FailureDetector marks(kGrace, {"c1", "c2"}, at(0s));
    Peer c2{"c2"};
    REQUIRE(marks.on_frame(c2.next(at(31s), at(31s)), kSelf, at(31s)) == Accept::apply);
    marks.on_time(at(31s));
    CHECK(marks.view_of({"c1", 0}, at(31s))->state == State::silent);
    marks.on_sighting({"c2", 100}, {"c1", Peer::clock(at(30s))}, at(31s));
    CHECK(marks.view_of({"c1", 0}, at(31s))->state == State::expected);
}

TEST_CASE("what a collector read that nobody knows is as new as can be", "[tracker][watermark]") {
    const FailureDetector marks(kGrace, {"c1"}, at(0s));
    CHECK(marks.read_time({"c2", 100}, PeerInstant{1s}, at(5s)) == at(5s));
    CHECK(marks.read_time({"c1", 100}, PeerInstant{1s}, at(5s)) == at(5s));
}

TEST_CASE("of what an earlier run knew no more collectors are remembered than may be known",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {}, at(0s));
    for (std::size_t n = 0; n < FailureDetector::kCollectorsMax + 5; ++n)
        marks.resume({"x" + std::to_string(n), 1, 1});
    CHECK(marks.applied().size() == FailureDetector::kCollectorsMax);
}

TEST_CASE("a heartbeat's time is never early, event time never late", "[tracker][watermark]") {
    rc::prop("under random delays and clock offsets", [] {
        const auto offset = *rc::gen::inRange<std::int64_t>(-1'000'000'000, 1'000'000'000);
        const auto peer_clock = [&](std::int64_t t) { return PeerInstant{Duration{t + offset}}; };
        FailureDetector marks(kGrace, {"c1"}, Instant{});
        std::int64_t t = 10'000'000;
        std::int64_t last_arrival = t;
        std::uint64_t number = 0;
        for (int n = 0; n < 30; ++n) {
            t += *rc::gen::inRange<std::int64_t>(1'000, 3'000'000);
            const auto there = *rc::gen::inRange<std::int64_t>(0, 2'000'000);  // one way
            const auto back = *rc::gen::inRange<std::int64_t>(0, 2'000'000);   // the echoed ack
            const auto arrival = std::max(last_arrival, t + there);
            last_arrival = arrival;
            FrameHeader h;
            h.collector = "c1";
            h.boot = 1;
            h.number = ++number;
            h.base = 1;
            h.sent = peer_clock(t);
            h.watermark = peer_clock(t - 500);
            h.echo = FrameHeader::Echo{kSelf, t - back, peer_clock(t)};
            const Instant received{Duration{arrival}};
            RC_ASSERT(marks.on_frame(h, kSelf, received) == Accept::apply);
            const auto read = marks.read_time({"c1", 1}, peer_clock(t - 700), received);
            RC_ASSERT(micros(read) >= t - 700);
            RC_ASSERT(read <= received);
            const auto reached = marks.event_time(received);
            if (reached) RC_ASSERT(micros(*reached) <= t - 500);
        }
    });
}

TEST_CASE("a clock that stood still, the collector's or ours, may have cost evidence",
          "[tracker][watermark]") {
    const bool ours = GENERATE(false, true);
    constexpr Duration kStill = 20s;
    FailureDetector marks(kGrace, {}, at(0s));
    // Its clock, and ours, after that.
    const auto here = [&](Duration t) { return at(ours && t > 2s ? t - kStill : t); };
    const auto there = [&](Duration t) {
        return PeerInstant{(at(!ours && t > 2s ? t - kStill : t) + 500s).time_since_epoch()};
    };
    std::uint64_t number = 0;
    const auto frame = [&](Duration t, Duration acked) {
        FrameHeader h;
        h.collector = "c1";
        h.boot = 100;
        h.number = ++number;
        h.base = 1;
        h.sent = h.watermark = there(t);
        h.echo = FrameHeader::Echo{kSelf, micros(here(acked)), there(acked)};
        CHECK(marks.on_frame(h, kSelf, here(t + 1ms)) == Accept::apply);
    };
    frame(500ms, 400ms);
    frame(1s, 900ms);
    CHECK(marks.event_time(here(1s)));
    CHECK_FALSE(marks.take_lift());
    frame(1s + kStill + 10ms, 1s + kStill + 5ms);  // the echo tells
    CHECK(marks.take_lift());
    CHECK(marks.covered_since() == here(1s + kStill + 11ms));
    for (Duration t = 20ms; t < 200ms; t += 20ms)
        frame(1s + kStill + t, 1s + kStill + t - 5ms);
    CHECK_FALSE(marks.take_lift());
    CHECK(marks.event_time(here(1s + kStill + 200ms)).value() > here(1s + kStill + 150ms));
}
