// Lifts, and how long a series of them may keep somebody online.
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
    // Read + ttl + freeze_max + ttl; a step.
    CHECK(told[0].at_ms == millis(kWall.at(at(81s))));
    CHECK(t >= 81s);
    CHECK(t <= 83s);
    (void)world.ask<CountAnswer>(CountQuery{}, at(t));
    CHECK(world.stale_by == std::vector<std::string>{"freeze_max"});
    CHECK(world.tracker.counters()["offline_in_doubt"] == 1);
    // It heals: a ttl later answers are as good as any.
    for (const auto end = t + 12s; t < end;) {
        world.frame(at(t += 1s), {beat("bob")});
        CHECK(world.events(at(t)).empty());
    }
    CHECK(world.tracker.stats().freshness == Freshness::live);
    CHECK(world.tracker.holds(at(t), kWall).empty());
}

namespace {

// A collector drops each second until 20 s, where freeze_max is 5 s: a session of 10 s that was
// read at 1 s ends at 26 s, though what was lost may hold it until 36 s.
struct Series {
    static TrackerOptions options() {
        auto options = options_of();
        options.freeze_max = 5s;
        return options;
    }
    TrackerWorld world{options()};
    std::vector<Event> told;

    // With a heartbeat of `plain`, who stays.
    void step(Duration t, std::vector<Row> rows = {}) {
        if (t > 1s && t <= 20s) ++world.dropped;
        rows.push_back(beat("plain"));
        world.frame(at(t), rows);
        for (auto& event : world.events(at(t)))
            told.push_back(std::move(event));
    }
    void walk(Duration from, Duration to) {
        for (auto t = from; t <= to; t += 1s)
            step(t);
    }
    explicit Series(std::vector<Row> first) {
        step(1s, std::move(first));
        walk(2s, 20s);
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

TEST_CASE("a lift gives a whole ttl, however long that is and short freeze_max",
          "[tracker][lifts]") {
    TrackerWorld world(Series::options());
    world.frame(at(1s), {lasting("longer", 60'000)});
    world.events(at(1s));
    std::vector<Event> told;
    for (auto t = 2s; told.empty() && t < 130s; t += 1s) {
        world.dropped = t < 60s ? 0 : 1;  // it is due at 61 s
        world.frame(at(t), {});
        told = world.events(at(t));
    }
    REQUIRE(told.size() == 1);
    CHECK(told[0].at_ms == millis(kWall.at(at(120s))));
    CHECK(told[0].freshness == Freshness::live);
}

TEST_CASE("an offline is stale while what was lost may hold another session of theirs",
          "[tracker][lifts]") {
    for (const auto end : {30s, 40s}) {
        Series run({lasting("two", 10'000, "a")});
        for (auto t = 21s; t <= 50s; t += 1s)
            run.step(t,
                     t + 5s <= end ? std::vector{lasting("two", 5'000, "b")} : std::vector<Row>{});
        REQUIRE(run.told.size() == 1);
        CHECK(run.told[0].state == State::offline);
        CHECK(run.told[0].freshness == (end == 30s ? Freshness::stale : Freshness::live));
    }
}

TEST_CASE("who came after it, and who says bye, is in no doubt", "[tracker][lifts]") {
    Series run({});
    run.walk(21s, 28s);
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
    for (const auto said : {30s, 40s}) {
        Series run({lasting("two", 10'000, "a")});
        auto bye = lasting("two", 0, "b");
        bye.bye = true;
        for (auto t = 21s; t < said; t += 1s)
            run.step(t, {lasting("two", 30'000, "b")});
        run.told.clear();  // of the longer ttl
        run.step(said, {bye});
        run.step(said + 1s);
        REQUIRE(run.told.size() == 1);
        CHECK(run.told[0].reason == "bye");
        CHECK(run.told[0].freshness == (said == 30s ? Freshness::stale : Freshness::live));
    }
}

TEST_CASE("who comes after one in doubt has left is in none", "[tracker][lifts]") {
    Series run({lasting("two", 10'000, "a")});
    run.walk(21s, 28s);
    REQUIRE(run.told.size() == 1);
    CHECK(run.told[0].freshness == Freshness::stale);
    run.step(29s, {lasting("other", 1'000)});
    run.walk(30s, 32s);
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
