// Runs of a collector, two processes under one id, and frames that nobody can have sent.
#include <catch2/catch.hpp>

#include "failure_detector_peer.hpp"

using namespace presence;
using namespace presence::tracker;
using Accept = FailureDetector::Accept;

TEST_CASE("two processes under one id both count, and each is told of the other",
          "[tracker][watermark][identity]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer old;
    Peer other;
    other.boot = GENERATE(99, 101);  // wall clocks decide nothing
    Instant now = at(1s);
    const auto speaks = [&](Peer& peer) {
        peer.base = peer.number + 1;
        REQUIRE(marks.on_frame(peer.next(now, now), kSelf, now) == Accept::apply);
    };
    const auto both_until = [&](Instant end) {
        for (; now < end; now += 20ms) {
            speaks(old);
            if (now >= at(5s)) speaks(other);
            marks.on_time(now);
            if (now > at(5s)) REQUIRE(marks.event_time(now) == now);
        }
    };
    both_until(at(5s) + FailureDetector::kOverlap);
    CHECK_FALSE(marks.view_of({"c1", 100}, now)->other);
    both_until(at(20s));
    CHECK_FALSE(marks.take_lift());
    CHECK(marks.view(now).size() == 2);
    CHECK(marks.view_of({"c1", 100}, now)->other->boot == other.boot);
    CHECK(marks.view_of({"c1", other.boot}, now)->other->boot == 100);

    SECTION("one that falls silent is waited for as any collector is") {
        auto& lives = GENERATE(true, false) ? old : other;
        for (; now < at(20s) + kGrace; now += 20ms) {
            speaks(lives);
            marks.on_time(now);
            CHECK(marks.event_time(now) < at(20s));
        }
        CHECK_FALSE(marks.take_lift());
        CHECK_FALSE(marks.view_of({"c1", lives.boot}, now)->other);
        marks.on_time(now + 100ms);
        CHECK(marks.take_lift());
        CHECK(marks.view(now).size() == 1);
        CHECK(marks.event_time(now) > at(20s));
    }
    SECTION("one that says goodbye is released, and nothing is lost") {
        auto& leaves = GENERATE(true, false) ? old : other;
        auto& stays = leaves.boot == old.boot ? other : old;
        leaves.base = leaves.number + 1;
        auto bye = leaves.next(now, now);
        bye.goodbye = true;
        REQUIRE(marks.on_frame(bye, kSelf, now) == Accept::apply);
        now += 60s;
        speaks(stays);
        marks.on_time(now);
        CHECK_FALSE(marks.take_lift());
        CHECK(marks.event_time(now) == now);
    }
}

TEST_CASE("a run that stood still while another began goes on where it was",
          "[tracker][watermark][identity]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer old;
    Peer other;
    other.boot = 101;
    REQUIRE(marks.on_frame(old.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    REQUIRE(marks.on_frame(other.next(at(2s), at(2s)), kSelf, at(2s)) == Accept::apply);
    marks.on_time(at(4s));
    REQUIRE(marks.take_lift());
    CHECK(marks.on_frame(old.next(at(5s), at(5s)), kSelf, at(5s)) == Accept::apply);
    CHECK(marks.known() == 2);
    for (auto t = 5s; t < 20s; t += 1s) {
        CHECK(marks.on_frame(old.next(at(t), at(t)), kSelf, at(t)) == Accept::apply);
        CHECK(marks.on_frame(other.next(at(t), at(t)), kSelf, at(t)) == Accept::apply);
        marks.on_time(at(t));
    }
    CHECK_FALSE(marks.take_lift());
}

TEST_CASE("that one of two runs is seen elsewhere says nothing of the other",
          "[tracker][watermark][identity]") {
    FailureDetector marks(kGrace, {}, at(0s));
    Peer old;
    Peer other;
    other.boot = 101;
    Peer c2{"c2"};
    const auto frame = [&](Peer& peer, Duration t) {
        REQUIRE(marks.on_frame(peer.next(at(t), at(t)), kSelf, at(t)) == Accept::apply);
    };
    for (Duration t = 1s; t < 5s; t += 500ms) {
        frame(old, t);
        frame(other, t);
    }
    const bool cut_off = GENERATE(false, true);  // from both
    for (Duration t = 5s; t < 60s; t += 500ms) {
        if (!cut_off) frame(other, t);
        frame(c2, t);
        marks.on_sighting({"c2", 100}, {"c1", Peer::clock(at(t - 100ms))}, at(t));
        marks.on_time(at(t));
    }
    CHECK(marks.known() == (cut_off ? 3 : 2));
    CHECK(marks.take_lift() != cut_off);
}

TEST_CASE("a collector that heard another tracker of our id tells of it by its echo",
          "[tracker][watermark][identity]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    marks.resume(std::uint64_t{5});
    Peer c1;
    const auto with_echo = [&](Duration now, std::uint64_t boot, Duration received) {
        auto frame = c1.next(at(now), at(now));
        frame.echo = FrameHeader::Echo{boot, micros(at(received)), Peer::clock(at(received))};
        REQUIRE(marks.on_frame(frame, kSelf, at(now)) == Accept::apply);
        REQUIRE(marks.on_frame(c1.next(at(now), at(now)), kSelf, at(now)) == Accept::apply);
        return marks.other_tracker(at(now));
    };
    CHECK_FALSE(with_echo(10s, 6, 500ms));  // one that ended when we began
    CHECK_FALSE(with_echo(20s, 5, 19s));    // the run before ours: its word waited
    CHECK(with_echo(30s, 6, 29s));
    CHECK(marks.other_tracker(at(60s)));
    CHECK_FALSE(marks.other_tracker(at(2h)));
}

TEST_CASE("of one collector no more runs are known than may be", "[tracker][watermark][identity]") {
    FailureDetector marks(kGrace, {}, at(0s));
    Peer peer;
    for (std::size_t n = 0; n < FailureDetector::kRunsMax; ++n) {
        peer.boot = 100 + n;
        peer.number = 0;
        CHECK(marks.on_frame(peer.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    }
    peer.boot = 200;
    peer.number = 0;
    CHECK(marks.on_frame(peer.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::no_room);
    marks.on_time(at(2s) + kGrace);
    peer.number = 0;
    CHECK(marks.on_frame(peer.next(at(40s), at(40s)), kSelf, at(40s)) == Accept::apply);
    CHECK(marks.applied().size() == FailureDetector::kRunsMax);
}

TEST_CASE("what no collector sends is refused, and nothing comes of it", "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    REQUIRE(marks.on_frame(c1.next(at(1s), at(1s)), kSelf, at(1s)) == Accept::apply);
    auto forged = c1.next(at(2s), at(2s));
    const auto honest = forged;
    SECTION("a watermark later than its frame") {
        forged.watermark += 1us;
    }
    SECTION("an echo later than its frame") {
        forged.echo->received += 1us;
    }
    SECTION("no boot") {
        forged.boot = 0;
    }
    SECTION("a boot beyond all clocks") {
        forged.boot = ~std::uint64_t{0};
    }
    SECTION("no base") {
        forged.base = 0;
    }
    SECTION("a base beyond its number") {
        forged.base = forged.number + 1;
    }
    SECTION("a number beyond the window") {
        forged.number = forged.base + kFrameWindow;
    }
    SECTION("a number that no link comes to") {
        forged.number = forged.base = ~std::uint64_t{0};
    }
    SECTION("more rows dropped than there ever were") {
        forged.dropped = ~std::uint64_t{0};
    }
    CHECK(marks.on_frame(forged, kSelf, at(2s)) == Accept::senseless);
    CHECK(marks.event_time(at(2s)) < at(1s) + 1us);
    CHECK(marks.on_frame(honest, kSelf, at(2s)) == Accept::apply);
    CHECK(marks.event_time(at(2s)) == at(2s));
    CHECK(marks.known() == 1);
    CHECK_FALSE(marks.take_lift());
}

TEST_CASE("after a forged frame a collector is believed again, and a loss is told",
          "[tracker][watermark]") {
    FailureDetector marks(kGrace, {"c1"}, at(0s));
    Peer c1;
    REQUIRE(marks.on_frame(c1.next(at(1s), at(-20s)), kSelf, at(1s)) == Accept::apply);
    auto forged = c1.next(at(2s), at(-8s));
    --c1.number;
    SECTION("numbers far ahead") {
        forged.number = forged.base = 1'000'000;
    }
    SECTION("its clock far ahead, and a watermark with it") {
        forged.sent += 9'000h;
        forged.watermark += 9'000h;
    }
    SECTION("drops") {
        forged.dropped = 1'000'000;
    }
    REQUIRE(marks.on_frame(forged, kSelf, at(2s)) == Accept::apply);
    bool lifted = marks.take_lift();
    Instant now = at(2s);
    for (int n = 0; n < 100; ++n) {
        now += 20ms;
        c1.base = c1.number + 1;
        (void)marks.on_frame(c1.next(now, now - 10s), kSelf, now);
    }
    lifted |= marks.take_lift();
    CHECK(lifted);
    c1.base = c1.number + 1;
    c1.dropped = 1;  // is heard of
    (void)marks.on_frame(c1.next(now, now - 10s), kSelf, now);
    CHECK(marks.take_lift());
    CHECK(marks.view_of({"c1", 100}, now)->watermark < now - 9s);
}
