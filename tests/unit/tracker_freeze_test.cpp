// Event time that stands still for want of evidence, and what bounds it.
#include "tests/unit/tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

// Turns each half second from one time to another; the events told meanwhile.
std::vector<Event> turns(TrackerWorld& world, Duration from, Duration to) {
    std::vector<Event> all;
    for (auto t = from; t <= to; t += 500ms)
        for (auto& event : world.events(at(t)))
            all.push_back(std::move(event));
    return all;
}

TrackerOptions with_freeze_max(Duration max) {
    auto options = options_of();
    options.collector_grace = 1h;
    options.freeze_max = max;
    return options;
}

}  // namespace

TEST_CASE("what is held for want of evidence is told after freeze_max at the latest, as stale",
          "[tracker][freeze]") {
    TrackerWorld world(with_freeze_max(30s));
    world.frame(at(1s), {beat("alice")});
    CHECK(turns(world, 1s, 1s).size() == 1);
    CHECK(turns(world, 1'500ms, 30s).empty());
    CHECK(world.ask<CountAnswer>(CountQuery{}, at(30s)).online == 1);
    CHECK(world.freshness == Freshness::frozen);
    CHECK(world.stale_by.empty());

    // From 31 s on event time goes on, 30 s late.
    const auto told = turns(world, 30'500ms, 42s);
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "alice");
    CHECK(told[0].reason == "timeout");
    CHECK(told[0].freshness == Freshness::stale);
    CHECK(world.ask<GetAnswer>(GetQuery{{"alice"}}, at(42s)).users[0].state == Known::unknown);
    CHECK(world.freshness == Freshness::stale);
    CHECK(world.stale_by == std::vector<std::string>{"freeze_max"});
    CHECK(world.tracker.counters()["offline_in_doubt"] == 1);

    // The evidence is back: what it tells counts from when it was read, and tells of a loss.
    world.frame(at(45s), {beat("bob")});
    CHECK(turns(world, 45s, 45s).size() == 1);
    turns(world, 45'500ms, 45'500ms);
    CHECK(world.tracker.stats().freshness == Freshness::live);
}

TEST_CASE("a tracker that nothing wakes but its own ticks holds nobody for longer",
          "[tracker][freeze]") {
    TrackerWorld world(with_freeze_max(30s));
    world.frame(at(1s), {beat("alice")});
    turns(world, 1s, 1s);
    std::vector<Event> told;
    // A wake-up comes some ms after it was due.
    for (auto now = at(1s); told.empty() && now < at(50s);) {
        now = std::max(now, world.tracker.next_wakeup(now)) + 20ms;
        told = world.events(now);
    }
    REQUIRE(told.size() == 1);
    CHECK(told[0].freshness == Freshness::stale);
}

TEST_CASE("it is not told before, and who was heard meanwhile stays", "[tracker][freeze]") {
    TrackerWorld world(with_freeze_max(30s));
    world.frame(at(1s), {beat("alice"), beat("bob")});
    turns(world, 1s, 40'500ms);
    // alice's heartbeat of 38 s comes late.
    world.frame(at(40'900ms), {beat("alice")}, at(38s));
    const auto told = turns(world, 41s, 47s);
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "bob");
}

TEST_CASE("a tracker that was stopped itself, or waits for its disk, tells nobody offline for it",
          "[tracker][freeze]") {
    const bool failing = GENERATE(false, true);
    TrackerWorld world(with_freeze_max(30s));
    world.frame(at(1s), {beat("alice")});
    turns(world, 1s, 1s);
    CHECK(world.events(at(10min)).empty());
    world.frame(at(10min), {beat("alice")}, at(10min - 1s));
    CHECK(turns(world, 10min, 10min + 1s).empty());
    CHECK(world.tracker.stats().freshness == Freshness::live);

    world.tracker.on_writing({.failing = failing, .full = !failing, .waiting_bytes = 1});
    CHECK(turns(world, 10min + 1500ms, 12min).empty());
    const auto holds = world.tracker.holds(at(12min), kWall);
    REQUIRE(holds.size() == 1);  // the collector stands for our sake
    CHECK(holds.back().what == "disk");
    CHECK(holds.back().why == (failing ? "failing" : "behind"));
    CHECK(holds.back().since_ms == millis(kWall.at(at(10min + 1500ms))));
    CHECK(holds.back().until_ms == 0);  // nobody knows
    CHECK(holds.back().sessions == 1);
}
