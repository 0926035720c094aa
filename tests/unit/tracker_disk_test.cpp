// What a tracker says of a disk that cannot be written, or is behind.
#include "tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

constexpr const char* kWhy = "cannot write t1/journal.sqlite: disk full";

StatusAnswer::Hold only_hold(TrackerWorld& world, Instant now) {
    const auto holds = world.ask<StatusAnswer>(StatusQuery{}, now).holds;
    REQUIRE(holds.size() == 1);
    return holds[0];
}

}  // namespace

TEST_CASE("a disk that cannot be written is a hold at once, with its error", "[tracker][disk]") {
    TrackerWorld world;
    world.frame(at(0s), {beat("alice")});
    world.turn(at(0s));
    CHECK(world.ask<StatusAnswer>(StatusQuery{}, at(0s)).holds.empty());

    world.tracker.on_writing({.failing = true, .full = false, .waiting_bytes = 1, .error = kWhy});
    world.frame(at(100ms));
    world.turn(at(100ms));
    const auto hold = only_hold(world, at(200ms));
    CHECK(hold.what == "disk");
    CHECK(hold.why == "failing");
    CHECK(hold.since_ms == millis(kWall.at(at(100ms))));
    CHECK(hold.until_ms == 0);
    CHECK(hold.sessions == 1);
    CHECK(hold.error == kWhy);
    CHECK(world.freshness == Freshness::stale);
    CHECK(world.stale_by == std::vector<std::string>{"disk"});

    world.tracker.on_writing({});
    CHECK(world.ask<StatusAnswer>(StatusQuery{}, at(300ms)).holds.empty());
    CHECK(world.stale_by.empty());
}

TEST_CASE("since when it is held counts from the first of its troubles", "[tracker][disk]") {
    TrackerWorld world;
    world.frame(at(0s));
    world.turn(at(0s));
    world.tracker.on_writing({.failing = false, .full = true, .waiting_bytes = 1, .error = {}});
    const auto slow = only_hold(world, at(100ms));
    CHECK(slow.why == "behind");
    CHECK(slow.error.empty());
    CHECK(world.freshness != Freshness::stale);
    world.tracker.on_writing({.failing = true, .full = true, .waiting_bytes = 1, .error = kWhy});
    const auto full = only_hold(world, at(200ms));
    CHECK(full.why == "failing");
    CHECK(full.since_ms == slow.since_ms);
}

TEST_CASE("a refusal and a replay say why they are stale too", "[tracker][disk]") {
    TrackerWorld world;
    world.tracker.on_writing({.failing = true, .full = false, .waiting_bytes = 1, .error = kWhy});
    world.tracker.on_query("asker", "nonsense");
    world.turn(at(0s));
    REQUIRE(world.out.answers.size() == 1);
    CHECK(decode_answer(world.out.answers[0].bytes)->stale_by == std::vector<std::string>{"disk"});
    const auto replayed =
        world.tracker.answer_replay({"asker", 1, 7, 1}, ReplayAnswer{}, at(0s), kWall);
    CHECK(decode_answer(replayed.bytes)->stale_by == std::vector<std::string>{"disk"});
}
