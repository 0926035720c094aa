// Edges and the wall clock, as a tracker meets them: frames in, events and answers out.
#include "tests/unit/tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

Row on(std::string_view edge, std::string_view user) {
    Row row = beat(user);
    row.edge = edge;
    return row;
}

// A frame and a turn each second, in which these edges speak; the events of all of them.
std::vector<Event> seconds(TrackerWorld& world, Duration from, Duration to,
                           const std::vector<std::string_view>& speak) {
    std::vector<Event> all;
    for (auto t = from; t <= to; t += 1s) {
        for (const auto& edge : speak)
            world.lease(edge, at(t));
        world.frame(at(t));
        for (auto& event : world.events(at(t)))
            all.push_back(std::move(event));
    }
    return all;
}

std::string shown(const StatusAnswer::Hold& hold) {
    return hold.what + " " + hold.why + " " +
           std::to_string((hold.since_ms - millis(kWall.at(at(0s)))) / 1000) + ".." +
           std::to_string((hold.until_ms - millis(kWall.at(at(0s)))) / 1000) + " " +
           std::to_string(hold.sessions);
}

}  // namespace

TEST_CASE("leases hold the users of a silent edge, visibly, and nobody else's",
          "[tracker][leases]") {
    TrackerWorld world;
    world.frame(at(1s), {on("gw-1", "alice"), on("gw-2", "bob"), beat("carol")});
    CHECK(world.events(at(1s)).size() == 3);
    // gw-1 is gone; bob and carol leave.
    const auto told = seconds(world, 2s, 12s, {"gw-2"});
    REQUIRE(told.size() == 2);
    for (const auto& event : told) {
        CHECK(event.user != "alice");
        CHECK(event.reason == "timeout");
    }
    const auto got = world.ask<GetAnswer>(GetQuery{{"alice"}}, at(12s)).users.at(0);
    CHECK(got.state == Known::online);
    CHECK(got.held_by == "edge:gw-1");
    CHECK(std::abs(*got.held_until_ms - millis(kWall.at(at(34s)))) <= 10);
    const auto status = world.ask<StatusAnswer>(StatusQuery{}, at(12s));
    REQUIRE(status.holds.size() == 1);
    CHECK(status.holds[0].what == "edge:gw-1");
    CHECK(status.holds[0].why == "silent");
    CHECK(status.holds[0].sessions == 1);
    CHECK(world.tracker.counters()["edges_silent"] == 1);
    CHECK(seconds(world, 13s, 34s, {}).empty());
    const auto lost = seconds(world, 35s, 35s, {});
    REQUIRE(lost.size() == 1);
    CHECK(lost[0].reason == "edge_lost");
    CHECK(world.tracker.counters()["edge_lost"] == 1);
    CHECK(world.tracker.holds(at(35s), kWall).empty());
}

TEST_CASE("a lease counts from any frame, also one that comes out of turn", "[tracker][leases]") {
    TrackerWorld world;
    world.frame(at(1s), {on("gw-1", "alice")});
    world.turn(at(1s));
    seconds(world, 2s, 10s, {});
    REQUIRE(world.tracker.counters()["edges_silent"] == 1);
    world.lease("gw-1", at(10s));
    world.number += 5;  // a gap
    world.frame(at(10s));
    world.turn(at(10s));
    CHECK(world.tracker.counters()["frames_gap"] == 1);
    CHECK(world.tracker.counters()["edges_silent"] == 0);
    world.number -= 6;
}

TEST_CASE("status tells what all timeouts wait for, in each way", "[tracker][leases]") {
    auto options = options_of();
    options.collectors_expected = {"c1", "c2"};
    options.freeze_max = 60s;
    TrackerWorld world(options);
    const auto holds = [&](Duration now) {
        std::vector<std::string> all;
        for (const auto& hold : world.ask<StatusAnswer>(StatusQuery{}, at(now)).holds)
            all.push_back(shown(hold));
        return all;
    };
    const auto frames = [&](Duration from, Duration to) {
        for (auto t = from; t <= to; t += 500ms) {
            world.frame(at(t), {}, at(t));
            world.turn(at(t));
        }
    };
    using Lines = std::vector<std::string>;
    world.frame(at(500ms), {beat("alice")});
    world.turn(at(500ms));
    CHECK(holds(500ms).empty());  // whoever starts is not held yet
    frames(1s, 4s);
    CHECK(holds(4s) == Lines{"collector:c2 never_heard 0..10 1"});
    frames(4500ms, 11s);  // the grace is over
    CHECK(holds(11s) == Lines{"collectors lifted 10..20 1"});
    for (auto t = 11'500ms; t <= 15s; t += 500ms)
        world.turn(at(t));
    CHECK(holds(15s) == Lines{"collector:c1 silent 10..21 1", "collectors lifted 10..20 1"});
    for (auto t = 15'500ms; t <= 25s; t += 500ms)
        world.turn(at(t));
    const auto none = holds(25s);
    REQUIRE(none.size() == 1);
    CHECK(none[0].starts_with("collectors none_known "));
    for (auto t = 25'500ms; t <= 90s; t += 500ms)
        world.turn(at(t));
    REQUIRE(holds(90s).size() == 1);
    CHECK(holds(90s)[0].starts_with("collectors used_up "));
}

TEST_CASE("a wall clock set a day back or forward changes what is shown, and nobody's state",
          "[tracker][time]") {
    for (const auto jump : {-24h, 24h}) {
        TrackerWorld world;
        world.frame(at(1s), {on("gw-1", "alice"), beat("bob")});
        const auto came = world.events(at(1s));
        REQUIRE(came.size() == 2);
        world.wall.since_epoch_at_zero += jump;
        CHECK(seconds(world, 2s, 10s, {"gw-1"}).empty());
        world.frame(at(10'500ms), {on("gw-1", "alice")});
        CHECK(world.events(at(10'500ms)).empty());
        const auto left = seconds(world, 11s, 12s, {"gw-1"});
        REQUIRE(left.size() == 1);
        CHECK(left[0].user == "bob");
        CHECK(left[0].reason == "timeout");
        // In the time of the day that the clock shows by then; since_ms as it was shown.
        CHECK(left[0].at_ms == millis(world.wall.at(at(11s))));
        CHECK(left[0].last_seen_ms == millis(world.wall.at(at(1s))));
        CHECK(left[0].since_ms == came[0].at_ms);
        const auto got = world.ask<GetAnswer>(GetQuery{{"alice", "bob"}}, at(12s));
        CHECK(got.users[0].state == Known::online);
        CHECK(got.users[0].last_seen_ms == millis(world.wall.at(at(10'500ms))));
        CHECK(got.users[1].state == Known::offline);
        CHECK(world.freshness == Freshness::live);
    }
}
