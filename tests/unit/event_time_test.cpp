#include "tracker/evidence/event_time.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace presence;
using presence::tracker::EventTime;
using Held = EventTime::Held;

namespace {

Instant at(Duration d) {
    return Instant{1'000s + d};
}

// Turns each 10 ms until `end`, evidence standing at `evidence`; the event time of the last.
std::optional<Instant> held_until(EventTime& time, Instant& now, Instant end,
                                  std::optional<Instant> evidence, Held held = Held::for_evidence) {
    std::optional<Instant> event_time;
    while (now < end)
        event_time = time.turn(now += 10ms, evidence, held);
    return event_time;
}

}  // namespace

TEST_CASE("event time stands still for max, then runs on, max behind", "[tracker][event_time]") {
    EventTime time(60s, at(0s));
    Instant now = at(0s);
    CHECK(time.turn(now, at(0s), Held::no) == at(0s));
    CHECK(time.left() == 60s);
    CHECK(held_until(time, now, at(40s), at(0s)) == at(0s));
    CHECK(time.left() == 20s);
    CHECK(held_until(time, now, at(60s), at(0s)) == at(0s));
    CHECK_FALSE(time.used_up());
    CHECK(time.since() == at(0s));
    CHECK(time.left() == 0s);
    CHECK(held_until(time, now, at(70s), at(0s)) == at(10s));
    CHECK(time.used_up());
    CHECK(held_until(time, now, at(3h), at(0s)) == at(3h - 60s));
    CHECK(time.used_up());
    // Evidence is back, if not yet up to where event time has run on to.
    now += 10ms;
    CHECK(time.turn(now, at(2h), Held::for_evidence) == now - 60s);
    CHECK(time.used_up());
    CHECK(time.turn(now, now - 59s, Held::for_evidence) == now - 59s);
    CHECK_FALSE(time.used_up());
    CHECK(time.turn(now, now, Held::no) == now);
    CHECK_FALSE(time.since());
    CHECK(time.left() == 60s);
}

TEST_CASE("without any evidence since the start, event time runs on from the start",
          "[tracker][event_time]") {
    EventTime time(60s, at(0s));
    Instant now = at(0s);
    CHECK_FALSE(held_until(time, now, at(60s), {}));
    CHECK_FALSE(time.used_up());
    CHECK(held_until(time, now, at(65s), {}) == at(5s));
    CHECK(time.used_up());
    // The first evidence may lie before: event time does not go back.
    CHECK(time.turn(now += 10ms, at(2s), Held::for_evidence) == at(5s) + 10ms);
}

TEST_CASE("a stop of our own does not count, nor a second in which we read what waits",
          "[tracker][event_time]") {
    EventTime time(60s, at(0s));
    Instant now = at(0s);
    time.turn(now, at(0s), Held::no);
    time.turn(now += 10min, at(0s), Held::for_evidence);
    CHECK(time.left() == 60s);
    CHECK(time.stopped() == 10min);
    held_until(time, now, now + 990ms, at(0s));
    CHECK(time.left() == 60s);
    CHECK_FALSE(time.since());
    held_until(time, now, now + 1s, at(0s));
    CHECK(time.left() < 59'100ms);

    // Also while it runs on.
    const auto event_time = held_until(time, now, now + 2min, at(0s));
    REQUIRE(time.used_up());
    now += 1h;
    CHECK(time.turn(now, at(0s), Held::for_evidence) == event_time);
    CHECK(held_until(time, now, now + 500ms, at(0s)) == event_time);
}

TEST_CASE("stops of our own do not add up while evidence is always a little late",
          "[tracker][event_time]") {
    EventTime time(60s, at(0s));
    Instant now = at(0s);
    for (int n = 0; n < 24; ++n) {
        now += 60s;
        time.turn(now, now - 3s, Held::for_evidence);
        for (const auto end = now + 10s; now < end; now += 10ms)
            time.turn(now, now - 3s, Held::for_evidence);
    }
    CHECK(time.left() <= 60s);
}

TEST_CASE("while we can take no evidence event time stands for as long as that lasts",
          "[tracker][event_time]") {
    EventTime time(60s, at(0s));
    Instant now = at(0s);
    time.turn(now, at(0s), Held::no);
    CHECK(held_until(time, now, at(10min), at(0s), Held::by_us) == at(0s));
    CHECK_FALSE(time.since());
    CHECK(time.left() == 60s);
    // And what comes then has its time.
    CHECK(held_until(time, now, at(10min + 990ms), at(0s)) == at(0s));
    CHECK(time.stopped() == 10ms);
    CHECK(held_until(time, now, at(10min + 60s), at(0s)) == at(0s));
    CHECK(time.stopped() == 0s);
    CHECK(held_until(time, now, at(10min + 71s), at(0s)) == at(10s) + 10ms);
}

TEST_CASE("event time is never behind by more than max and our own stops, and never goes back",
          "[tracker][event_time]") {
    Duration worst{};
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        INFO("seed " << seed);
        EventTime time(60s, at(0s));
        std::mt19937_64 random(seed);
        Instant now = at(0s), evidence = now, before = now;
        time.turn(now, evidence, Held::no);
        Duration stopped{};
        unsigned stands = 20, stops = 0;
        for (int turn = 0; turn < 1'000; ++turn) {
            const auto stop = random() % 100 < stops ? 3s + 1s * (random() % 30) : Duration{0};
            now += 500ms + stop;
            if (stop > 0s) stopped += stop + 500ms + EventTime::kSettle;
            if (random() % 100 == 0) {
                stands = static_cast<unsigned>(random() % 3 * 50);
                stops = seed % 2 == 0 && random() % 4 == 0 ? 10 : 0;
            }
            // At times behind, and catching up.
            if (random() % 100 >= stands) evidence += (now - evidence) / (1 + random() % 4);
            const bool missing = now - evidence > EventTime::kLag;
            if (!missing) stopped = {};
            const auto event_time =
                time.turn(now, evidence, missing ? Held::for_evidence : Held::no);
            REQUIRE(*event_time >= std::max(before, evidence));
            REQUIRE(time.used_up() == (*event_time > evidence));
            REQUIRE(now - *event_time <= 60s + stopped);
            if (time.used_up()) {
                REQUIRE(now - *event_time >= 60s);
            }
            worst = std::max(worst, now - *event_time - stopped);
            before = *event_time;
        }
    }
    CHECK(worst == 60s);
}
