// What a collector passes on of others, and of trackers that it misses (sightings_test has what
// trackers make of it).
#include "collector/sightings.hpp"

#include <catch2/catch.hpp>

#include <array>

#include "router_bench.hpp"
#include "sightings_told.hpp"
#include "tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;
using presence::collector::Bench;

namespace {

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
