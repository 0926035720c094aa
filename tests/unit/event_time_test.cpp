#include "tracker/evidence/event_time.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace presence;
using presence::tracker::EventTime;

namespace {

Instant at(Duration d) {
    return Instant{1'000s + d};
}

// Turns each 10 ms until `end`, evidence standing at `evidence`; the event time of the last.
std::optional<Instant> frozen_until(EventTime& time, Instant& now, Instant end,
                                    std::optional<Instant> evidence) {
    std::optional<Instant> event_time;
    while (now < end)
        event_time = time.turn(now += 10ms, evidence, true);
    return event_time;
}

}  // namespace

TEST_CASE("event time stands still for freeze_max, then runs on from where it stood",
          "[tracker][event_time]") {
    EventTime time(60s, 10s, at(0s));
    Instant now = at(0s);
    CHECK(time.turn(now, at(0s), false) == at(0s));
    CHECK(frozen_until(time, now, at(60s), at(0s)) == at(0s));
    CHECK_FALSE(time.used_up());
    CHECK(time.since() == at(0s));
    CHECK(time.spent(now) == 60s);
    // As fast as the clock, as far behind as it was held; also beyond the hour.
    CHECK(frozen_until(time, now, at(70s), at(0s)) == at(10s));
    CHECK(time.used_up());
    CHECK(frozen_until(time, now, at(3h), at(0s)) == at(3h - 60s));
    CHECK(time.used_up());
    // Evidence is back, if not yet up to where event time has run on to.
    CHECK(time.turn(now += 10ms, at(2h), false) == at(3h - 60s));
    CHECK_FALSE(time.used_up());
    now += 10ms;
    CHECK(time.turn(now, now, false) == now);
    CHECK_FALSE(time.since());
}

TEST_CASE("several freezes share what an hour allows, and it comes back", "[tracker][event_time]") {
    EventTime time(60s, 10s, at(0s));
    Instant now = at(0s);
    frozen_until(time, now, at(40s), at(0s));
    now += 10ms;
    time.turn(now, now, false);
    CHECK(time.left(now) == 20s);
    now = at(59min);
    time.turn(now, now, false);
    const auto evidence = now;
    CHECK(frozen_until(time, now, evidence + 20s, evidence) == evidence);
    CHECK_FALSE(time.used_up());
    CHECK(frozen_until(time, now, evidence + 30s, evidence) > evidence + 9s);
    now += 10ms;
    time.turn(now, now, false);
    CHECK(time.left(at(2h)) == 60s);
}

TEST_CASE("without any evidence since the start, event time runs on from the start",
          "[tracker][event_time]") {
    EventTime time(60s, 10s, at(0s));
    Instant now = at(0s);
    CHECK_FALSE(frozen_until(time, now, at(60s), {}));
    CHECK(frozen_until(time, now, at(65s), {}) == at(5s));
    // The first evidence may lie before: event time does not go back.
    CHECK(time.turn(now += 10ms, at(2s), false) == at(5s));
}

TEST_CASE("a stop of our own is no hold, and moves no deadline that waits in our sockets",
          "[tracker][event_time]") {
    EventTime time(60s, 10s, at(0s));
    Instant now = at(0s);
    time.turn(now, at(0s), false);
    time.turn(now += 10min, at(0s), true);
    CHECK(time.spent(now) == 0s);
    // A second to read what came meanwhile.
    frozen_until(time, now, now + 990ms, at(0s));
    CHECK(time.spent(now) == 0s);
    frozen_until(time, now, now + 1s, at(0s));
    CHECK(time.spent(now) > 900ms);

    // Also when nothing is left.
    const auto event_time = frozen_until(time, now, now + 2min, at(0s));
    REQUIRE(time.used_up());
    now += 1h;
    CHECK(time.turn(now, at(0s), true) == event_time);
    CHECK(frozen_until(time, now, now + 500ms, at(0s)) == event_time);
}

TEST_CASE("lifts are bounded by max within an hour, each counting for a ttl",
          "[tracker][event_time][lifts]") {
    EventTime time(30s, 10s, at(0s));
    CHECK_FALSE(time.lifted(at(0s)));
    CHECK(time.lift(at(0s)));
    CHECK(time.lifted_since() == at(0s));
    CHECK(time.lifted_until() == at(10s));
    CHECK(time.lifted(at(9'999ms)));
    CHECK_FALSE(time.lifted(at(10s)));
    CHECK(time.lift(at(5s)));  // until 15 s: 5 s more
    CHECK(time.lift(at(30s)));
    CHECK(time.lift(at(40s)));  // 25 s are spent: less than all
    CHECK_FALSE(time.lift(at(60s)));
    CHECK(time.refused(at(69'999ms)));
    CHECK_FALSE(time.refused(at(70s)));
    CHECK_FALSE(time.lift(at(1h)));
    CHECK(time.lift(at(1h + 6s)));  // 6 of the first 15 s are more than an hour ago
}

TEST_CASE("lifts that have used up max exactly are the last", "[tracker][event_time][lifts]") {
    EventTime time(20s, 10s, at(0s));
    CHECK(time.lift(at(0s)));
    CHECK(time.lift(at(10s)));
    CHECK_FALSE(time.lift(at(20s)));
}

TEST_CASE("event time that runs on without evidence begins at the newest lift",
          "[tracker][event_time][lifts]") {
    EventTime time(60s, 10s, at(0s));
    Instant now = at(0s);
    time.turn(now, at(0s), false);
    frozen_until(time, now, at(30s), at(0s));
    CHECK(time.lift(now));
    // While evidence may come, what it tells counts.
    CHECK(time.turn(now += 10ms, at(5s), true) == at(5s));
    CHECK(frozen_until(time, now, at(60s), at(5s)) == at(5s));
    CHECK(time.turn(now += 10ms, at(5s), true) == at(30s) + 10ms);
    CHECK(frozen_until(time, now, at(70s), at(5s)) == at(40s));
}

TEST_CASE("waits and lifts spend one budget, once where they overlap",
          "[tracker][event_time][lifts]") {
    EventTime time(60s, 10s, at(0s));
    Instant now = at(0s);
    time.turn(now, at(0s), false);
    frozen_until(time, now, at(30s), at(0s));
    CHECK(time.lift(now));
    CHECK(time.left(now) == 20s);  // what is lifted until 40 s is spent
    frozen_until(time, now, at(40s), at(0s));
    CHECK(time.left(now) == 20s);
    frozen_until(time, now, at(60s), at(0s));
    CHECK(time.left(now) == 0s);
    CHECK_FALSE(time.lift(now));
    CHECK(time.turn(now += 10ms, at(0s), true) > at(30s));
    CHECK(time.used_up());
}

TEST_CASE("a lift spends what event time lags behind as well", "[tracker][event_time][lifts]") {
    EventTime time(60s, 10s, at(0s));
    for (auto t = 0s; t <= 8s; t += 1s)
        time.turn(at(t), at(t) - 2s, false);
    CHECK(time.lift(at(8s)));
    CHECK(time.left(at(8s)) == 60s - 2s - 10s);
    // The next one follows on it.
    for (auto t = 9s; t <= 19s; t += 1s)
        time.turn(at(t), at(t) - 2s, false);
    CHECK(time.lift(at(19s)));
    CHECK(time.left(at(19s)) == 60s - 2s - 10s - 11s);
}

namespace {

// How late a user is told whose heartbeat was read at the start, less what is not counted: lifts,
// stands and stops of our own wherever a random walk wants them. Event time never goes back.
Duration latest(std::uint64_t seed, Duration max, Duration ttl) {
    EventTime time(max, ttl, at(0s));
    time.turn(at(0s), at(0s), false);
    std::mt19937_64 random(seed);
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    Instant now = at(0s), evidence = now, floor = now, before = now;
    Duration stopped{};
    unsigned stands = 20, lifts = 1, stops = 0;
    for (;;) {
        const auto stop = chance(stops) ? 3s + 1s * (random() % 30) : Duration{0};
        now += 500ms + stop;
        if (stop > 0s) stopped += stop + EventTime::kSettle + EventTime::kLag;
        if (random() % 40 == 0) {
            stands = static_cast<unsigned>(random() % 101);
            lifts = static_cast<unsigned>(random() % 12);
            stops = seed % 2 == 0 && random() % 4 == 0 ? 10 : 0;
        }
        if (!chance(stands)) evidence = now - 1s * (random() % 3);
        if (chance(lifts) && time.lift(now)) floor = now;
        const auto event_time = time.turn(now, evidence, now - evidence > EventTime::kLag);
        REQUIRE(*event_time >= before);
        REQUIRE(*event_time <= now);
        before = *event_time;
        if (*event_time > floor + ttl) return now - (at(0s) + ttl) - stopped;
    }
}

}  // namespace

TEST_CASE("an offline is late by max, a ttl and a lag at most, whatever happens",
          "[tracker][event_time][lifts]") {
    for (const Duration ttl : {1s, 10s, 30s}) {
        Duration worst{};
        for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
            const auto late = latest(seed, 60s, ttl);
            INFO("seed " << seed);
            REQUIRE(late <= 60s + ttl + EventTime::kLag + 500ms);
            worst = std::max(worst, late);
        }
        if (ttl > 1s) CHECK(worst > 60s);  // the bound is one
    }
}

TEST_CASE("what a stop of ours kept up is not counted when a lift comes",
          "[tracker][event_time][lifts]") {
    EventTime time(60s, 10s, at(0s));
    time.turn(at(0s), at(0s), false);
    CHECK(time.lift(at(10min)));
    CHECK(time.left(at(10min)) == 60s - 10s - EventTime::kLag);
}
