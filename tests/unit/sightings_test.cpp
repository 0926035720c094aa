// A collector that a tracker does not hear, and another tracker does: it is known to live, and is
// waited for.
#include "collector/sightings.hpp"

#include <array>

#include "router_bench.hpp"
#include "tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

using Told = std::map<std::string, std::int64_t>;

Told told(const std::vector<Sighting>& sightings) {
    Told by_collector;
    for (const auto& [collector, seen] : sightings)
        by_collector[collector] = micros(seen);
    return by_collector;
}

// One, of then, which clocks are too coarse to tell exactly: never later.
void check_one(const Told& told, const std::string& collector, Instant seen) {
    REQUIRE(told.size() == 1);
    CHECK(told.begin()->first == collector);
    CHECK(told.begin()->second <= micros(seen));
    CHECK(told.begin()->second >= micros(seen - 10ms));
}

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

namespace {

using presence::collector::Bench;

// An acknowledgement by t1 or t2 (0, 1), whose clocks are others, of that age.
void say(Bench& bench, std::size_t tracker,
         const std::vector<std::pair<std::string, Duration>>& seen, std::uint64_t applied = 0) {
    auto ack = bench.ack(applied);
    ack.tracker = tracker == 0 ? "t1" : "t2";
    ack.sent_us = micros(bench.now + 5s);
    for (const auto& [collector, age] : seen)
        ack.sightings.push_back({collector, PeerInstant{Duration{ack.sent_us} - age}});
    bench.tell(ack, tracker);
}

struct TwoTrackers : Bench {
    TwoTrackers() : Bench(options(), {"t1", "t2"}) {}
    static collector::RouterOptions options() {
        collector::RouterOptions options;
        options.grace = 4s;
        return options;
    }
};

// What each tracker was told last within that time.
std::map<std::size_t, Told> turns(Bench& bench, Duration time) {
    std::map<std::size_t, Told> all;
    for (const auto& frame : bench.turns(time))
        if (!frame.sightings.empty()) all[frame.tracker] = frame.sightings;
    return all;
}

}  // namespace

TEST_CASE("a collector passes on to each tracker when others were seen, and not of itself",
          "[collector][sightings]") {
    TwoTrackers bench;
    say(bench, 0, {{"c1", 0s}, {"c2", 300ms}});
    const Instant seen = bench.now - 300ms;
    const auto all = turns(bench, 500ms);
    REQUIRE(all.size() == 2);
    for (const auto& [tracker, sightings] : all)
        check_one(sightings, "c2", seen);
    // Nothing older takes its place, and of times to come now counts.
    say(bench, 1, {{"c2", 1s}});
    say(bench, 0, {{"c3", -60s}});
    const Instant now = bench.now;
    auto both = turns(bench, 1'500ms).at(0);
    CHECK(both.at("c3") <= micros(now));
    both.erase("c3");
    check_one(both, "c2", seen);
}

TEST_CASE("what is passed on goes with the next frame, and not with each",
          "[collector][sightings]") {
    TwoTrackers bench;
    say(bench, 0, {{"c2", 300ms}});
    std::size_t frames = 0;
    std::size_t with = 0;
    for (const auto& frame : bench.turns(600ms)) {
        ++frames;
        with += !frame.sightings.empty();
    }
    CHECK(frames > 50);
    CHECK(with >= 2);  // of two trackers, each 400 ms
    CHECK(with <= 4);
}

TEST_CASE("sightings are told ten times in a grace, for as long as they are news",
          "[collector][sightings]") {
    collector::Sightings sightings(10s);
    sightings.turn(at(0s));
    const auto first = sightings.number();
    CHECK(sightings.bytes().empty());
    sightings.note("c2", at(100ms));
    sightings.turn(at(999ms));
    CHECK(sightings.number() == first);
    sightings.turn(at(1s));
    CHECK(sightings.number() == first + 1);
    CHECK_FALSE(sightings.bytes().empty());
    sightings.turn(at(10'099ms));
    CHECK_FALSE(sightings.bytes().empty());
    sightings.turn(at(11'100ms));
    CHECK(sightings.bytes().empty());
}

TEST_CASE("of a collector the newest sighting counts", "[collector][sightings]") {
    collector::Sightings sightings(10s);
    for (const auto seen : {100ms, 5'000ms, 3'000ms})
        sightings.note("c2", at(seen));
    sightings.turn(at(14'999ms));
    CHECK_FALSE(sightings.bytes().empty());
    sightings.turn(at(16s));
    CHECK(sightings.bytes().empty());
}

TEST_CASE("a thousand collectors are remembered, and no more", "[collector][sightings]") {
    collector::Sightings sightings(10s);
    for (int n = 0; n < 2'000; ++n)
        sightings.note("c" + std::to_string(1'000 + n), at(0s));
    sightings.note("c1000", at(1s));
    sightings.turn(at(2s));
    CHECK(sightings.bytes().size() == 1'000 * (1 + 5 + 8));
}

TEST_CASE("with one tracker a collector passes nothing on", "[collector][sightings]") {
    Bench bench;
    for (int n = 0; n < 100; ++n) {
        say(bench, 0, {{"c2", 0s}});
        CHECK(turns(bench, 30ms).empty());
    }
}

TEST_CASE("a collector tells each tracker that it misses one, well within the grace",
          "[collector][sightings][witness]") {
    TwoTrackers bench;
    std::array<std::uint64_t, 2> sent{};
    const auto missed = [&](Duration time, std::initializer_list<std::size_t> answer) {
        bool told = false;
        for (const auto end = bench.now + time; bench.now < end;) {
            for (const auto tracker : answer)
                say(bench, tracker, {}, sent[tracker]);
            for (const auto& frame : bench.turns(100ms)) {
                sent[frame.tracker] = std::max(sent[frame.tracker], frame.header.number);
                told = frame.header.misses_tracker;
            }
        }
        return told;
    };
    CHECK(missed(100ms, {}));  // none has spoken yet
    CHECK(missed(200ms, {0}));
    CHECK_FALSE(missed(200ms, {0, 1}));
    CHECK_FALSE(missed(1'900ms, {0}));
    CHECK(missed(200ms, {0}));
    CHECK_FALSE(missed(200ms, {0, 1}));
}
