// The bound of lateness: whatever collectors, edges and lists of trackers do, a user is told
// offline 2 x freeze_max and a ttl after they were due at the latest, but for our own stops.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tracker/evidence/event_time.hpp"
#include "tracker/roster/roster.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

constexpr Duration kMax = 60s;
constexpr Duration kTurn = 500ms;

Instant at(Duration d) {
    return Instant{1'000s + d};
}

struct End {
    Duration late;     // than the heartbeat's read and ttl, and our own stops
    Duration stopped;  // of them, what is not counted
    bool stale;
};

// A user's last heartbeat is read at the start. Then event time stands, deadlines are lifted, the
// slot is not fed, the edge falls silent, and we are stopped, as a random walk wants it.
End walk(std::uint64_t seed, Duration ttl) {
    Roster roster({.edge_timeout = 2s, .edge_grace = 10s, .hold_max = kMax}, at(0s));
    EventTime time(kMax, at(0s));
    std::vector<Event> told;
    Beat beat;
    beat.user = "u";
    beat.hash = hash_of(beat.user);
    beat.edge = seed % 3 == 0 ? "gw" : "";
    beat.ttl_ms = static_cast<std::uint32_t>(ttl / 1ms);
    beat.at = at(0s);
    roster.lift(at(0s));
    roster.apply(std::span(&beat, 1), {}, told);
    REQUIRE(told.size() == 1);
    told.clear();

    SlotSet slot;
    slot.set(slot_of(beat.hash));
    std::mt19937_64 random(seed);
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    Instant now = at(0s), evidence = now;
    Duration stopped{};
    unsigned stands = 20, lifts = 1, stops = 0, holds = 0, words = 30;
    for (;;) {
        const auto stop = chance(stops) ? 3s + 1s * (random() % 30) : Duration{0};
        now += kTurn + stop;
        if (random() % 40 == 0) {
            stands = static_cast<unsigned>(random() % 101);
            lifts = static_cast<unsigned>(random() % 40);
            stops = seed % 2 == 0 && random() % 4 == 0 ? 10 : 0;
            holds = static_cast<unsigned>(random() % 3 * 50);
            words = static_cast<unsigned>(random() % 50);
        }
        if (!chance(stands)) evidence = now - 1s * (random() % 3);
        if (chance(lifts)) roster.lift(now);
        if (chance(20)) {
            roster.hold(chance(holds) ? slot : SlotSet{});
            roster.lift(slot, now);
        }
        if (chance(words)) roster.on_lease("gw", now);
        const bool missing = now - evidence > EventTime::kLag;
        const auto event_time =
            time.turn(now, evidence, missing ? EventTime::Held::for_evidence : EventTime::Held::no);
        stopped += time.stopped();
        if (time.stopped() > 0s) roster.on_stop(now - time.stopped(), now);
        roster.run_on(time.used_up(), now);
        (void)roster.expire(*event_time, {}, 10, told);
        roster.check();
        if (told.empty()) continue;
        REQUIRE(told.size() == 1);
        return {now - (at(0s) + ttl), stopped, told[0].freshness == Freshness::stale};
    }
}

}  // namespace

TEST_CASE("an offline is late by twice freeze_max and a ttl at most, whatever happens",
          "[tracker][roster][bound]") {
    for (const Duration ttl : {1s, 10s, 100s}) {
        Duration worst{};
        for (std::uint64_t seed = 0; seed < 600; ++seed) {
            INFO("seed " << seed << ", ttl " << ttl / 1s << " s");
            const auto end = walk(seed, ttl);
            // Event time may lie as far behind by a stop as deadlines do.
            REQUIRE(end.late <= 2 * kMax + ttl + 2 * end.stopped + kTurn);
            if (end.stopped == 0s) worst = std::max(worst, end.late);
            // And nobody says stale whose time was not over.
            if (end.stale) REQUIRE(end.late >= kMax);
        }
        CHECK(worst > kMax + ttl);  // the bound is one
    }
}
