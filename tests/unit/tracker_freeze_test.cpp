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

    // The evidence is back: what it tells counts from when it was read. Whether alice was heard is
    // not known for a timeout.
    world.frame(at(45s), {beat("bob")});
    CHECK(turns(world, 45s, 45s).size() == 1);
    CHECK(world.ask<GetAnswer>(GetQuery{{"alice"}}, at(46s)).users[0].state == Known::unknown);
    CHECK(world.freshness == Freshness::stale);
    for (auto t = 46s; t <= 56s; t += 1s) {
        world.frame(at(t), {beat("bob")});
        CHECK(world.events(at(t)).empty());
    }
    CHECK(world.tracker.stats().freshness == Freshness::live);
    CHECK(world.ask<GetAnswer>(GetQuery{{"alice"}}, at(56s)).users[0].state == Known::offline);
}

TEST_CASE("who lives on by another session is in doubt until what was missing is known",
          "[tracker][freeze]") {
    // Longer than freeze_max nothing comes; then it does, or is lost.
    const bool lost = GENERATE(false, true);
    const auto said = GENERATE(101s, 115s);
    TrackerWorld world(with_freeze_max(30s));
    const auto session = [](std::string_view name, std::uint32_t ttl_ms) {
        auto row = beat("alice");
        row.session = name;
        row.ttl_ms = ttl_ms;
        return row;
    };
    world.frame(at(1s), {session("phone", 10'000), session("desk", 600'000)});
    CHECK(turns(world, 1s, 100s).size() == 2);  // the longer ttl is news
    world.dropped = lost ? 1 : 0;
    for (auto t = 100s; t < said; t += 1s) {
        world.frame(at(t), {session("desk", 600'000)});
        CHECK(world.events(at(t)).empty());
    }
    auto bye = session("desk", 0);
    bye.bye = true;
    world.frame(at(said), {bye});
    turns(world, said, said);
    world.frame(at(said + 1s));
    const auto told = turns(world, said + 1s, said + 1s);
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "bye");
    CHECK(told[0].freshness == (said == 101s ? Freshness::stale : Freshness::live));
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
