#include "tracker/evidence/freeze.hpp"

#include <catch2/catch.hpp>

using namespace presence;
using presence::tracker::Freeze;

namespace {

Instant at(Duration d) {
    return Instant{1'000s + d};
}

// Turns each 10 ms until `end`, evidence standing at `evidence`; the event time of the last.
std::optional<Instant> frozen_until(Freeze& freeze, Instant& now, Instant end,
                                    std::optional<Instant> evidence) {
    std::optional<Instant> event_time;
    while (now < end)
        event_time = freeze.turn(now += 10ms, evidence, true);
    return event_time;
}

}  // namespace

TEST_CASE("event time stands still for freeze_max, then runs on from where it stood",
          "[tracker][freeze]") {
    Freeze freeze(60s, at(0s));
    Instant now = at(0s);
    CHECK(freeze.turn(now, at(0s), false) == at(0s));
    CHECK(frozen_until(freeze, now, at(60s), at(0s)) == at(0s));
    CHECK_FALSE(freeze.used_up());
    CHECK(freeze.since() == at(0s));
    CHECK(freeze.spent(now) == 60s);
    // As fast as the clock, as far behind as it was held; also beyond the hour.
    CHECK(frozen_until(freeze, now, at(70s), at(0s)) == at(10s));
    CHECK(freeze.used_up());
    CHECK(frozen_until(freeze, now, at(3h), at(0s)) == at(3h - 60s));
    CHECK(freeze.used_up());
    // Evidence is back, if not yet up to where event time has run on to.
    CHECK(freeze.turn(now += 10ms, at(2h), false) == at(3h - 60s));
    CHECK_FALSE(freeze.used_up());
    now += 10ms;
    CHECK(freeze.turn(now, now, false) == now);
    CHECK_FALSE(freeze.since());
}

TEST_CASE("several freezes share what an hour allows, and it comes back", "[tracker][freeze]") {
    Freeze freeze(60s, at(0s));
    Instant now = at(0s);
    frozen_until(freeze, now, at(40s), at(0s));
    now += 10ms;
    freeze.turn(now, now, false);
    CHECK(freeze.left(now) == 20s);
    now = at(59min);
    freeze.turn(now, now, false);
    const auto evidence = now;
    CHECK(frozen_until(freeze, now, evidence + 20s, evidence) == evidence);
    CHECK_FALSE(freeze.used_up());
    CHECK(frozen_until(freeze, now, evidence + 30s, evidence) > evidence + 9s);
    now += 10ms;
    freeze.turn(now, now, false);
    CHECK(freeze.left(at(2h)) == 60s);
}

TEST_CASE("without any evidence since the start, event time runs on from the start",
          "[tracker][freeze]") {
    Freeze freeze(60s, at(0s));
    Instant now = at(0s);
    CHECK_FALSE(frozen_until(freeze, now, at(60s), {}));
    CHECK(frozen_until(freeze, now, at(65s), {}) == at(5s));
    // The first evidence may lie before: event time does not go back.
    CHECK(freeze.turn(now += 10ms, at(2s), false) == at(5s));
}

TEST_CASE("a stop of our own is no hold, and moves no deadline that waits in our sockets",
          "[tracker][freeze]") {
    Freeze freeze(60s, at(0s));
    Instant now = at(0s);
    freeze.turn(now, at(0s), false);
    freeze.turn(now += 10min, at(0s), true);
    CHECK(freeze.spent(now) == 0s);
    // A second to read what came meanwhile.
    frozen_until(freeze, now, now + 990ms, at(0s));
    CHECK(freeze.spent(now) == 0s);
    frozen_until(freeze, now, now + 1s, at(0s));
    CHECK(freeze.spent(now) > 900ms);

    // Also when nothing is left.
    const auto event_time = frozen_until(freeze, now, now + 2min, at(0s));
    REQUIRE(freeze.used_up());
    now += 1h;
    CHECK(freeze.turn(now, at(0s), true) == event_time);
    CHECK(frozen_until(freeze, now, now + 500ms, at(0s)) == event_time);
}
