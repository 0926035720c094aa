// How long lifts may keep everybody online.
#include "tests/unit/tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

TEST_CASE("a collector that drops again and again cannot keep up who is gone", "[tracker][lifts]") {
    auto options = options_of();
    options.freeze_max = 60s;
    TrackerWorld world(options);
    world.frame(at(1s), {beat("alice"), beat("bob")});
    CHECK(world.events(at(1s)).size() == 2);
    Duration t = 1s;
    std::vector<Event> told;
    while (told.empty() && t < 10min) {
        ++world.dropped;
        world.frame(at(t += 2s), {beat("bob")});
        told = world.events(at(t));
    }
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "alice");
    CHECK(told[0].reason == "timeout");
    CHECK(told[0].freshness == Freshness::stale);
    // The last lift came before all was used up, and holds for a ttl; a flush, a turn.
    CHECK(t >= 60s);
    CHECK(t <= 60s + 10s + 5s);
    (void)world.ask<CountAnswer>(CountQuery{}, at(t));
    CHECK(world.stale_by == std::vector<std::string>{"lifts"});
    const auto counters = world.tracker.counters();
    CHECK(counters["lifts_refused"] > 0);
    const auto holds = world.tracker.holds(at(t), kWall);
    REQUIRE(holds.size() == 1);
    CHECK(holds[0].what == "collectors");
    CHECK(holds[0].why == "lift_refused");
    // It heals: a ttl later answers are as good as any.
    for (const auto end = t + 11s; t < end;) {
        world.frame(at(t += 1s), {beat("bob")});
        CHECK(world.events(at(t)).empty());
    }
    CHECK(world.tracker.stats().freshness == Freshness::live);
    CHECK(world.tracker.holds(at(t), kWall).empty());
}

namespace {

// One whose only lift is used up: a collector has dropped at 2 s, and again at 17 s.
struct Refused {
    static TrackerOptions options() {
        auto options = options_of();
        options.freeze_max = 5s;
        return options;
    }
    TrackerWorld world{options()};
    std::vector<Event> told;

    // With a heartbeat of `plain`, who stays.
    void step(Duration t, std::vector<Row> rows = {}) {
        rows.push_back(beat("plain"));
        world.frame(at(t), rows);
        for (auto& event : world.events(at(t)))
            told.push_back(std::move(event));
    }
    void walk(Duration from, Duration to) {
        for (auto t = from; t <= to; t += 1s)
            step(t);
    }
    explicit Refused(std::vector<Row> first) {
        step(1s, std::move(first));
        ++world.dropped;
        walk(2s, 16s);
        ++world.dropped;
        step(17s);
        told.clear();
    }
};

Row lasting(std::string_view user, std::uint32_t ttl_ms, std::string_view session = {}) {
    auto row = beat(user);
    row.session = session;
    row.ttl_ms = ttl_ms;
    return row;
}

}  // namespace

TEST_CASE("after a lift was refused an offline is stale for as long as its own ttl",
          "[tracker][lifts]") {
    Refused run({lasting("longer", 60'000)});
    run.walk(18s, 66s);
    REQUIRE(run.told.size() == 1);
    CHECK(run.told[0].user == "longer");
    CHECK(run.told[0].freshness == Freshness::stale);
    CHECK(run.world.tracker.stats().freshness == Freshness::live);
}

TEST_CASE("also if another session of theirs ends last", "[tracker][lifts]") {
    // What was swallowed may hold session a until 77 s.
    for (const auto end : {70s, 77s}) {
        Refused run({lasting("two", 60'000, "a")});
        for (auto t = 18s; t <= 90s; t += 1s)
            run.step(t,
                     t + 5s <= end ? std::vector{lasting("two", 5'000, "b")} : std::vector<Row>{});
        REQUIRE(run.told.size() == 1);
        CHECK(run.told[0].state == State::offline);
        CHECK(run.told[0].freshness == (end == 70s ? Freshness::stale : Freshness::live));
    }
}

TEST_CASE("who came after it, and who says bye, is in no doubt", "[tracker][lifts]") {
    Refused run({});
    run.walk(18s, 28s);
    auto bye = lasting("late", 0);
    bye.bye = true;
    run.step(29s, {lasting("late", 86'400'000), lasting("short", 5'000)});
    run.step(30s, {bye});
    run.walk(31s, 40s);
    REQUIRE(run.told.size() == 4);
    for (const auto& event : run.told)
        CHECK(event.freshness == Freshness::live);
}

TEST_CASE("who says bye with the session that is left, while another may live, is in doubt",
          "[tracker][lifts]") {
    // What was swallowed may hold session a until 77 s; until 62 s it holds itself.
    for (const auto said : {66s, 78s}) {
        Refused run({lasting("two", 60'000, "a")});
        auto bye = lasting("two", 0, "b");
        bye.bye = true;
        for (auto t = 18s; t < said; t += 1s)
            run.step(t, {lasting("two", 30'000, "b")});
        run.step(said, {bye});
        run.step(said + 1s);
        REQUIRE(run.told.size() == 1);
        CHECK(run.told[0].reason == "bye");
        CHECK(run.told[0].freshness == (said == 66s ? Freshness::stale : Freshness::live));
    }
}

TEST_CASE("who comes after one in doubt has left is in none", "[tracker][lifts]") {
    Refused run({lasting("two", 60'000, "a")});
    for (auto t = 18s; t < 66s; t += 1s)
        run.step(t, {lasting("two", 5'000, "b")});
    run.walk(66s, 71s);
    REQUIRE(run.told.size() == 1);
    CHECK(run.told[0].freshness == Freshness::stale);
    run.step(72s, {lasting("other", 1'000)});
    run.walk(73s, 75s);
    REQUIRE(run.told.size() == 3);
    CHECK(run.told[2].user == "other");
    CHECK(run.told[2].state == State::offline);
    CHECK(run.told[2].freshness == Freshness::live);
}

TEST_CASE("that deadlines stand lifted is told as a hold", "[tracker][lifts]") {
    TrackerWorld world;
    world.frame(at(1s), {beat("alice")});
    world.events(at(1s));
    world.dropped = 1;
    world.frame(at(2s), {});
    world.events(at(2s));
    const auto holds = world.tracker.holds(at(3s), kWall);
    REQUIRE(holds.size() == 1);
    CHECK(holds[0].what == "collectors");
    CHECK(holds[0].why == "lifted");
    CHECK(holds[0].until_ms - holds[0].since_ms == 10'000);
    CHECK(holds[0].sessions == 1);
    CHECK(world.tracker.holds(at(12s), kWall).empty());
}

TEST_CASE("a visit that was over when a lift came is told when its evidence does",
          "[tracker][lifts]") {
    TrackerWorld world;
    world.frame(at(1s), {});
    world.events(at(1s));
    // What was read meanwhile comes frame by frame, the news of a loss with the first.
    world.dropped = 1;
    world.watermark = at(5s);
    world.frame(at(60s), {}, at(5s));
    CHECK(world.events(at(60s)).empty());
    world.watermark = at(15s);
    world.frame(at(60s) + 10ms, {beat("guest")}, at(10s));
    const auto told = world.events(at(60s) + 10ms);
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "guest");
    CHECK(told[0].state == State::online);
    CHECK(world.tracker.counters()["stale"] == 0);
}
