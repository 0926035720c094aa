// A collector that a tracker does not hear, and another tracker does: it is known to live, and is
// waited for. As trackers see it; router_sightings_test has what collectors pass on.
#include "common/wire/frame.hpp"

#include "sightings_told.hpp"
#include "tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

// A collector whose link takes no time.
struct Peer {
    std::string id;
    Duration skew{};  // of its clock
    std::uint64_t boot = 50;
    std::uint64_t number = 0;
    bool echo = true;
    bool misses_tracker = false;

    void frame(TrackerWorld& world, Instant now,
               const std::vector<std::pair<std::string, Instant>>& seen = {}, bool goodbye = false,
               std::optional<Instant> sent = {}) {
        FrameHeader h;
        h.cluster = "main";
        h.collector = id;
        h.boot = boot;
        h.number = ++number;
        h.base = number;  // all before are acknowledged
        h.sent = h.watermark = here(sent.value_or(now));
        if (echo) h.echo = FrameHeader::Echo{7, micros(sent.value_or(now)), h.sent};
        h.goodbye = goodbye;
        h.misses_tracker = misses_tracker;
        std::string sightings;
        for (const auto& [collector, at] : seen)
            append_sighting(sightings, collector, here(at));
        world.tracker.on_frame(id, encode_frame(h, "", "", sightings), now, kWall);
    }
    [[nodiscard]] PeerInstant here(Instant t) const {
        return PeerInstant{(t + skew).time_since_epoch()};
    }
};

// What each collector is told at the end of the turn.
std::map<std::string, Told> passed_on(TrackerWorld& world, Instant now) {
    world.turn(now);
    std::map<std::string, Told> all;
    for (const auto& ack : world.out.acks)
        all[ack.peer] = told(decode_ack(ack.bytes).value().sightings);
    return all;
}

const std::vector<std::string> kTrackers{"t1", "t2"};  // each waits 10 s for a collector

// Two collectors are heard, then c2 alone, each 100 ms up to then; it has seen c1, or not.
struct CutOff {
    explicit CutOff(std::vector<std::string> trackers = kTrackers)
        : world(options_of(trackers), trackers) {
        c1.frame(world, at(0s));
        c2.frame(world, at(0s));
        world.turn(at(0s));
    }
    void until(Duration end, std::optional<Instant> seen = {}) {
        for (; now < end; now += 100ms) {
            std::vector<std::pair<std::string, Instant>> sightings;
            if (seen) sightings.emplace_back("c1", std::min(*seen, at(now)));
            c2.frame(world, at(now), sightings);
            world.turn(at(now));
        }
    }
    [[nodiscard]] std::uint64_t lifts() { return world.tracker.counters()["lifts"]; }
    [[nodiscard]] std::optional<StatusAnswer::Hold> hold() {
        const auto status = world.ask<StatusAnswer>(StatusQuery{}, at(now));
        for (const auto& hold : status.holds)
            if (hold.what == "collector:c1") return hold;
        return {};
    }

    TrackerWorld world;
    Peer c1{"c1", 500s};
    Peer c2{"c2", -300s};
    Duration now = 100ms;
};

constexpr auto kAlways = Instant::max();

}  // namespace

TEST_CASE("a collector that nobody hears is given up after the grace", "[tracker][sightings]") {
    CutOff run;
    run.until(9'900ms, at(-1s));
    CHECK(run.lifts() == 0);
    run.until(10'300ms, at(-1s));
    CHECK(run.lifts() == 1);
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
}

TEST_CASE("a collector that others hear is waited for, and who waits says so",
          "[tracker][sightings]") {
    CutOff run;
    run.until(60s, kAlways);
    CHECK(run.lifts() == 0);
    CHECK(run.world.tracker.stats().freshness == Freshness::frozen);
    auto hold = run.hold();
    REQUIRE(hold);
    CHECK(hold->why == "cut_off");
    CHECK(hold->until_ms - millis(kWall.at(at(run.now))) > 500'000);  // freeze_max, not the grace
    // It is not heard by others either, from now on.
    run.until(69'500ms, at(59'900ms));
    CHECK(run.lifts() == 0);
    run.until(70'300ms, at(59'900ms));
    CHECK(run.lifts() == 1);
    CHECK_FALSE(run.hold());
}

TEST_CASE("what it read comes once it is heard again, and nobody is told in the meantime",
          "[tracker][sightings]") {
    CutOff run;
    run.until(30s, kAlways);
    run.c1.frame(run.world, at(run.now));
    run.c2.frame(run.world, at(run.now));
    run.world.turn(at(run.now));
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
    CHECK(run.lifts() == 0);  // nothing was swallowed
}

TEST_CASE("whoever was given up before others told that it lives is waited for again",
          "[tracker][sightings]") {
    CutOff run;
    run.until(12s);
    CHECK(run.lifts() == 1);
    run.until(12'200ms, at(3s));
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
    run.until(20s, kAlways);
    CHECK(run.world.tracker.stats().freshness == Freshness::frozen);
    CHECK(run.lifts() == 1);
    // What was seen longer ago than the grace gives no further time.
    run.until(40s, at(20s));
    CHECK(run.lifts() == 2);
}

TEST_CASE("a collector that is expected and was never heard is waited for if others hear it",
          "[tracker][sightings]") {
    auto options = options_of(kTrackers);
    options.collectors_expected = {"c1", "c2"};
    TrackerWorld world(options, kTrackers);
    Peer c2{"c2"};
    for (Duration t{0}; t < 20s; t += 100ms) {
        c2.frame(world, at(t), {{"c1", at(t)}});
        world.turn(at(t));
    }
    CHECK(world.tracker.stats().freshness == Freshness::warming);
}

TEST_CASE("a collector that is not known is waited for once another tells that it lives",
          "[tracker][sightings]") {
    CutOff run;
    run.c1.frame(run.world, at(50ms), {}, true);
    run.until(12s);
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
    for (; run.now < 27s; run.now += 100ms) {
        run.c2.frame(run.world, at(run.now), {{"c9", at(run.now)}});
        run.world.turn(at(run.now));
    }
    CHECK(run.world.tracker.stats().freshness == Freshness::frozen);
    CHECK(run.world.tracker.holds(at(run.now), kWall).at(0).what == "collector:c9");
    // Nobody hears it any more, and what is older than the grace brings it back no more.
    run.until(38s);
    CHECK(run.lifts() == 1);
    run.c2.frame(run.world, at(38s), {{"c9", at(27s)}});
    run.until(39s);
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
}

TEST_CASE("nobody is waited for who said goodbye, or was told of by an unknown clock",
          "[tracker][sightings]") {
    CutOff run;
    run.c1.frame(run.world, at(50ms), {}, true);
    run.until(12s, at(1s));

    CHECK(run.world.tracker.stats().freshness == Freshness::live);

    TrackerWorld world(options_of(kTrackers), kTrackers);
    Peer c1{"c1"};
    Peer c2{"c2", -300s};
    c2.echo = false;
    c1.frame(world, at(0s));
    for (Duration t{0}; t < 11s; t += 100ms) {
        c2.frame(world, at(t), {{"c1", at(t)}});
        world.turn(at(t));
    }
    CHECK(world.tracker.counters()["lifts"] == 1);  // c1 was given up
}

TEST_CASE("who said goodbye and spoke again elsewhere is waited for", "[tracker][sightings]") {
    CutOff run;
    run.c1.frame(run.world, at(50ms), {}, true);
    run.until(12s);
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
    run.until(20s, kAlways);
    CHECK(run.world.tracker.stats().freshness == Freshness::frozen);
}

TEST_CASE("a time to come counts as now", "[tracker][sightings]") {
    CutOff run;
    run.until(5s);
    run.c2.frame(run.world, at(5s), {{"c1", at(1h)}});
    run.until(14'900ms);
    CHECK(run.lifts() == 0);
    run.until(15'300ms);
    CHECK(run.lifts() == 1);
}

TEST_CASE("collectors are told when the others were heard, by the tracker's own clock",
          "[tracker][sightings]") {
    CutOff run;
    run.c1.frame(run.world, at(500ms));
    check_one(passed_on(run.world, at(500ms)).at("c1"), "c2", at(0s));
    run.c1.frame(run.world, at(800ms));
    run.c2.frame(run.world, at(900ms));
    const auto passed = passed_on(run.world, at(900ms));
    CHECK(passed.at("c1").empty());  // twenty times in a grace of 10 s
    check_one(passed.at("c2"), "c1", at(800ms));
    // Of one that is silent for the grace, or said goodbye, there is no news.
    run.c2.frame(run.world, at(10'700ms));
    check_one(passed_on(run.world, at(10'700ms)).at("c2"), "c1", at(800ms));
    run.c2.frame(run.world, at(11'300ms));
    CHECK(passed_on(run.world, at(11'300ms)).at("c2").empty());
    run.c1.frame(run.world, at(12s), {}, true);
    run.c2.frame(run.world, at(12s));
    CHECK(passed_on(run.world, at(12s)).at("c2").empty());
}

TEST_CASE("what waited before it was read is not seen since", "[tracker][sightings]") {
    CutOff run;
    run.until(4s);
    // Sent at 1 s, read at 5 s.
    run.c1.frame(run.world, at(5s), {}, false, at(1s));
    run.c2.frame(run.world, at(5s));
    check_one(passed_on(run.world, at(5s)).at("c2"), "c1", at(1s));
}

TEST_CASE("a tracker alone passes nothing on", "[tracker][sightings]") {
    CutOff run({"t1"});
    run.c1.frame(run.world, at(1s));
    run.c2.frame(run.world, at(1s));
    for (const auto& [peer, sightings] : passed_on(run.world, at(1s)))
        CHECK(sightings.empty());
}

TEST_CASE("without a witness a collector that is given up may live, and who tells says so",
          "[tracker][sightings][witness]") {
    CutOff run;
    run.world.frame(at(50ms), {beat("alice")});  // the world's own collector c0, which leaves then
    run.c2.misses_tracker = true;
    run.until(9'900ms);
    CHECK(run.world.tracker.stats().freshness == Freshness::frozen);
    run.until(12s);
    CHECK(run.lifts() > 0);  // given up as ever
    CHECK(run.world.tracker.stats().freshness == Freshness::stale);
    CHECK(run.world.tracker.stats().stale_by.names() == std::vector<std::string>{"no_witness"});
    const auto events = run.world.events(at(run.now));
    CHECK(events.empty());
    run.until(21s);
    run.c2.frame(run.world, at(21s));
    run.c2.misses_tracker = false;
    // One that hears every tracker says nothing of it for long enough.
    run.until(25'500ms);
    CHECK(run.world.tracker.stats().freshness == Freshness::stale);
    run.until(27s);
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
    // Then it is sure, whatever trackers are missed later.
    run.c2.misses_tracker = true;
    run.until(60s);
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
}

TEST_CASE("it is no question of witnesses once the collector is heard, or has begun anew",
          "[tracker][sightings][witness]") {
    CutOff run;
    run.c2.misses_tracker = true;
    run.until(12s);
    REQUIRE(run.world.tracker.stats().freshness == Freshness::stale);
    if (GENERATE(true, false)) {
        run.c1.boot = 51;
        run.c1.number = 0;
    }
    for (; run.now < 14s; run.now += 100ms) {
        run.c1.frame(run.world, at(run.now));
        run.c2.frame(run.world, at(run.now));
        run.world.turn(at(run.now));
    }
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
}

TEST_CASE("a tracker alone needs no witness", "[tracker][sightings][witness]") {
    CutOff run({"t1"});
    run.c2.misses_tracker = true;
    run.until(12s);
    CHECK(run.lifts() == 1);
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
}

TEST_CASE("one whose own word is old is no witness", "[tracker][sightings][witness]") {
    CutOff run;
    run.until(1s);
    // c2 stands still as well, and comes back before the grace, but after c1's is over.
    run.now = 10'500ms;
    run.world.turn(at(run.now));
    CHECK(run.world.tracker.stats().freshness == Freshness::stale);
}
