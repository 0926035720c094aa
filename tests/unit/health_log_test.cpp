#include "tracker/health_log.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "common/wire/notifier_topic.hpp"
#include "common/wire/tracker_list.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/unit/tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;
using Lines = std::vector<std::string>;

namespace {

// A tracker whose health is told: a turn and a look each half second.
struct HealthWorld {
    explicit HealthWorld(TrackerOptions options = options_of({"t1", "t2"}))
        : tracker((options.tracker = "t1", options), list, at(0s)) {
        tracker.begin({}, at(0s), kWall);
    }

    // `boot` of c1 sends a frame, routed by `by`; another cluster's is refused.
    void frame(std::uint64_t boot = 50, std::vector<Row> rows = {}, bool goodbye = false,
               const std::string& cluster = "main") {
        RowGroups groups;
        for (auto& row : rows) {
            row.hash = hash_of(row.user);
            groups.append(row);
        }
        const PeerInstant read{at(now).time_since_epoch()};
        groups.close_group(read);
        FrameHeader h;
        h.cluster = cluster;
        h.collector = "c1";
        h.boot = boot;
        h.number = h.base = ++numbers[boot];
        h.sent = h.watermark = read;
        h.echo = FrameHeader::Echo{7, micros(at(now)), read};
        h.map_version = by.version;
        h.list_hash = rank_of(by).hash;
        h.goodbye = goodbye;
        tracker.on_frame("peer", encode_frame(h, groups.take(), "", "", encode_list(by)), at(now),
                         kWall, "from-" + std::to_string(boot));
    }
    // What the log says of `event` up to `end`; `each`: before each turn.
    template <class Each>
    Lines until(Duration end, const std::string& event, Each each) {
        Lines all;
        for (; now < end; now += 500ms) {
            each();
            out.clear();
            tracker.end_turn(at(now), kWall, out);
            health.turn(at(now), tracker);
            for (auto& line : log.take())
                if (line.find(" " + event) != std::string::npos) all.push_back(std::move(line));
        }
        return all;
    }
    Lines heard_until(Duration end, const std::string& event) {
        return until(end, event, [&] { frame(); });
    }
    Lines unheard_until(Duration end, const std::string& event) {
        return until(end, event, [] {});
    }

    SlotMap list = SlotMap::rendezvous(1, {"t1", "t2"});
    SlotMap by = list;  // by which collectors route
    Tracker tracker;
    HealthLog health;
    test::CapturedLog log;
    Output out;
    Duration now = 0s;
    std::map<std::uint64_t, std::uint64_t> numbers;
};

}  // namespace

TEST_CASE("how a collector is, is told once each time it changes", "[tracker][health]") {
    HealthWorld world;
    const std::string c1 = " collector=c1 boot=50 from=from-50";
    CHECK(world.heard_until(5s, "collector_") == Lines{"info collector_live" + c1});
    CHECK(world.unheard_until(30s, "collector_") == Lines{"warn collector_silent" + c1});
    // The end of what was warned of is a warning, too.
    CHECK(world.heard_until(35s, "collector_") == Lines{"warn collector_live" + c1});
    world.frame(50, {}, true);
    CHECK(world.unheard_until(60s, "collector_") == Lines{"info collector_departed" + c1});
}

TEST_CASE("two processes under a collector's id are told once, and the end of it",
          "[tracker][health]") {
    HealthWorld world;
    CHECK(world.heard_until(5s, "id_shared").empty());
    const auto both = [&] {
        world.frame(50);
        world.frame(60);
    };
    CHECK(world.until(20s, "id_shared", both) ==
          Lines{"error id_shared collector=c1 boot=50 from=from-50",
                "error id_shared collector=c1 boot=60 from=from-60"});
    world.frame(60, {}, true);
    CHECK(world.heard_until(40s, "id_shared") ==
          Lines{"warn id_shared_no_more collector=c1 boot=50 from=from-50"});
}

TEST_CASE("two processes under a notifier's id are told once, and the end of it",
          "[tracker][health]") {
    HealthWorld world;
    const auto subscribed = [&](bool is, std::uint64_t boot) {
        world.tracker.on_subscriber(
            {boot, 3}, (is ? "\1" : std::string(1, '\0')) + topic_of_notifier("n1", boot),
            "from-" + std::to_string(boot));
    };
    subscribed(true, 8);
    subscribed(true, 9);
    CHECK(world.heard_until(60s, "id_shared") ==
          Lines{"error id_shared of=notifier:n1 from=from-8,from-9"});
    subscribed(false, 8);
    CHECK(world.heard_until(70s, "id_shared") == Lines{"warn id_shared_no_more of=notifier:n1"});
}

TEST_CASE("freshness is told once each time it changes, and why it is stale", "[tracker][health]") {
    auto options = options_of({"t1", "t2"});
    options.freeze_max = 20s;
    HealthWorld world(options);
    const auto frame = [&] { world.frame(50, {beat("alice")}); };
    CHECK(world.until(15s, "freshness", frame) == Lines{"info freshness freshness=live lag_ms=0"});
    const auto silent = world.unheard_until(60s, "freshness");
    REQUIRE(silent.size() >= 2);
    CHECK(silent.front().starts_with("warn freshness freshness=frozen lag_ms="));
    CHECK(silent.back().find("stale_by=freeze_max") != std::string::npos);
    const auto back = world.heard_until(2h, "freshness");
    REQUIRE_FALSE(back.empty());
    CHECK(back.back() == "warn freshness freshness=live lag_ms=0");
}

TEST_CASE("who goes by another list of trackers is told once, and the end of it",
          "[tracker][health]") {
    HealthWorld world;
    CHECK(world.heard_until(5s, "list_").empty());
    const auto newer = SlotMap::rendezvous(2, {"t1", "t2", "t3"});
    world.by = newer;
    const auto differs = world.heard_until(20s, "list_");
    REQUIRE(differs.size() == 1);
    CHECK(differs[0].starts_with(
        "warn list_differs collector=c1 its_list=" + text_of(rank_of(newer)) +
        " our_list=" + text_of(rank_of(world.list)) + " older=ours slots_not_fed="));
    world.by = world.list;
    CHECK(world.heard_until(40s, "list_") ==
          Lines{"warn list_agrees collector=c1 list=" + text_of(rank_of(world.list))});
}

TEST_CASE("whom timeouts wait for is told once, with the reason, and the end of it",
          "[tracker][health]") {
    HealthWorld world;
    world.frame(50, {beat("alice", 3'600'000)});
    CHECK(world.heard_until(15s, "").size() > 0);
    world.tracker.on_writing(
        {.failing = true, .full = true, .waiting_bytes = 1, .error = "disk full"});
    CHECK(world.heard_until(30s, "held by=disk") ==
          Lines{"warn held by=disk why=failing sessions=1 error=\"disk full\""});
    // Another reason is news.
    world.tracker.on_writing({.failing = false, .full = true, .waiting_bytes = 1});
    CHECK(world.heard_until(45s, "held by=disk") ==
          Lines{"warn held by=disk why=behind sessions=1"});
    world.tracker.on_writing({});
    CHECK(world.heard_until(60s, "released by=disk") == Lines{"warn released by=disk was=behind"});
}

TEST_CASE("at most 20 who hold timeouts are told in a look, and the others counted",
          "[tracker][health]") {
    auto options = options_of({"t1", "t2"});
    options.collectors_expected.clear();
    for (int n = 10; n < 40; ++n)
        options.collectors_expected.push_back("e" + std::to_string(n));
    options.collector_grace = 60s;
    HealthWorld world(options);
    const auto silent = world.heard_until(20s, "held");
    REQUIRE(silent.size() == 20);
    HealthWorld again(options);
    CHECK(again.heard_until(20s, "more_held_or_released") ==
          Lines{"warn more_held_or_released count=10"});
}

TEST_CASE("a collector whose frames are refused is told, once each 10 s", "[tracker][health]") {
    HealthWorld world;
    const auto theirs = [&] { world.frame(50, {}, false, "other"); };
    CHECK(world.until(10s, "frame_refused", theirs) ==
          Lines{"warn frame_refused reason=cluster collector=c1 cluster=other"});
    CHECK(world.until(20s, "frame_refused", theirs).size() == 1);
}

TEST_CASE("health is looked at once a second", "[tracker][health]") {
    HealthWorld world;
    CHECK(world.unheard_until(500ms, "").empty());
    world.frame();
    world.health.turn(at(999ms), world.tracker);
    CHECK(world.log.take().empty());
    world.health.turn(at(1s), world.tracker);
    CHECK_FALSE(world.log.take().empty());
}
