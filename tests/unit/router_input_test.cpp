#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "collector/edges.hpp"
#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

using Users = std::vector<std::string>;

std::string envelope(std::string_view edge, std::optional<std::uint64_t> sent_ms,
                     const Heartbeat& beat, std::uint64_t boot = 1) {
    return encode_heartbeats({.edge = edge, .boot = boot, .seq = 1, .sent_ms = sent_ms}, {beat});
}

// Of a message that one edge sent at `sent` on its own clock.
Duration delay_of(Edges& edges, Duration at, Duration sent) {
    const auto sent_ms = static_cast<std::uint64_t>(sent / 1ms);
    return edges.delay_of({.edge = "e", .boot = 1, .seq = 1, .sent_ms = sent_ms}, Instant{at})
        ->time;
}

}  // namespace

TEST_CASE("a heartbeat goes to the owner of its slot, with all it tells", "[collector][input]") {
    Bench bench({}, {"t1", "t2", "t3"});
    std::vector<std::string> messages;
    for (int i = 0; i < 300; ++i)
        messages.push_back(beat("user-" + std::to_string(i)));
    messages.push_back(envelope(
        "e1", {},
        {.user = "alice", .session = "s", .status = "away", .ttl_ms = 5'000, .age_ms = 20}));
    const auto frames = bench.turn(messages);
    CHECK(frames.size() == 3);
    CHECK(users_of(frames).size() == 301);
    const auto& map = bench.router.map();
    for (const auto& frame : frames)
        for (const auto& row : frame.rows) {
            CHECK(map.owner[slot_of(hash_of(row.user))] == frame.tracker);
            if (row.user != "alice") continue;
            CHECK(row.session == "s");
            CHECK(row.edge == "e1");
            CHECK(row.status == "away");
            CHECK(row.ttl_ms == 5'000);
            CHECK(row.age_ms == 20);
        }
    CHECK(bench.router.counters()["heartbeats"] == 301);
    CHECK(bench.router.counters()["messages"] == 301);
    CHECK(bench.router.counters()["edges"] == 1);
}

TEST_CASE("a heartbeat older than its ttl is stale, a bye never", "[collector][input]") {
    Bench bench;
    bench.turns(50ms);
    const auto aged = [](std::uint64_t age_ms, std::uint32_t ttl_ms, bool bye) {
        return encode_heartbeats({}, {{.user = "u" + std::to_string(age_ms),
                                       .ttl_ms = ttl_ms,
                                       .age_ms = age_ms,
                                       .bye = bye}});
    };
    auto frames = bench.turn({aged(30'000, 0, false), aged(30'010, 0, false),
                              aged(5'000, 5'000, false), aged(5'010, 5'000, false),
                              aged(3'600'000, 5'000, true), aged(UINT64_MAX, 0, true)});
    for (auto& frame : bench.turns(20ms))
        frames.push_back(std::move(frame));
    CHECK(users_of(frames) == Users{"u30000", "u5000", "u3600000"});
    CHECK(bench.router.rejects()["stale"] == 3);
    CHECK(bench.router.counters()["heartbeats"] == 3);
}

TEST_CASE("what an edge's message took longer than its quickest is added to the age",
          "[collector][input]") {
    Bench bench;
    bench.turn({envelope("e1", 500, {.user = "quick"})});
    bench.now += 99ms;
    // 100 ms after the first by our clock, 60 ms by the edge's.
    auto sent = bench.turn({envelope("e1", 560, {.user = "slow", .age_ms = 7})});
    REQUIRE(sent.size() == 1);
    REQUIRE(sent[0].rows.size() == 1);
    // 40 ms on the way, less one of the stamp's resolution and of drift.
    CHECK(sent[0].rows[0].age_ms >= 7 + 38);
    CHECK(sent[0].rows[0].age_ms <= 7 + 40);

    SECTION("another run of the edge has another clock") {
        sent = bench.turns(10ms);
        sent = bench.turn({envelope("e1", 5, {.user = "new"}, 2)});
        for (const auto& frame : sent)
            for (const auto& row : frame.rows)
                CHECK(row.age_ms == 0);
    }
    SECTION("another edge has another clock") {
        bench.turns(9ms);
        sent = bench.turn({envelope("e2", 5, {.user = "new"})});
        REQUIRE(users_of(sent) == Users{"new"});
        CHECK(sent[0].rows[0].age_ms == 0);
    }
    SECTION("a stamp beyond any clock says nothing") {
        bench.turns(9ms);
        sent = bench.turn({envelope("e1", UINT64_MAX, {.user = "new"})});
        REQUIRE(users_of(sent) == Users{"new"});
        CHECK(sent[0].rows[0].age_ms == 0);
    }
}

TEST_CASE("a heartbeat that queued for longer than its ttl is stale", "[collector][input]") {
    Bench bench;
    bench.turn({envelope("e1", 1'000, {.user = "a", .ttl_ms = 1'000})});
    bench.turns(2s);
    bench.turn({envelope("e1", 1'100, {.user = "b", .ttl_ms = 1'000})});
    CHECK(bench.router.rejects()["stale"] == 1);
}

TEST_CASE("so are ids of an edge whose clock was set back by a day", "[collector][input]") {
    Bench bench;
    const auto id = [](std::uint64_t sent_ms) {
        return encode_heartbeats({.edge = "e1", .boot = 1, .seq = 1, .sent_ms = sent_ms},
                                 {{.user = "a"}});
    };
    bench.turn({id(100'000'000)});
    bench.turn({id(100'000'000 - kTtlMaxMs - 1'000)});
    CHECK(bench.router.rejects()["stale"] == 1);
    CHECK(bench.router.counters()["heartbeats"] == 1);
}

TEST_CASE("what was over when it was sent is stale, also while nothing was read",
          "[collector][input]") {
    Bench bench;
    bench.turns(50ms);
    bench.now += 40s;  // stopped
    std::vector<std::string> messages;
    for (const std::uint64_t age_ms : {9'000u, 10'000u, 10'001u})
        messages.push_back(
            encode_heartbeats({}, {{.user = "u", .ttl_ms = 10'000, .age_ms = age_ms}}));
    bench.turn(messages);
    CHECK(bench.router.rejects()["stale"] == 1);
}

TEST_CASE("what ended while nothing was read is not stale", "[collector][input]") {
    Bench bench;
    const auto plain = [](std::uint64_t sent_ms) {
        return encode_heartbeats({.edge = "e2", .boot = 1, .seq = 1, .sent_ms = sent_ms},
                                 {{.user = "plain"}});
    };
    bench.turn({envelope("e1", 1'000, {.user = "a", .ttl_ms = 1'000}), plain(1'000)});
    bench.turns(100ms);
    bench.now += 40s;  // stopped, and these came soon after it was
    bench.turn({envelope("e1", 1'200, {.user = "b", .ttl_ms = 1'000}), plain(1'200)});
    CHECK(bench.router.rejects()["stale"] == 0);
    CHECK(bench.router.counters()["heartbeats"] == 4);
    // Over before it was stopped, when its input was empty.
    bench.turn({envelope("e1", 900, {.user = "c", .ttl_ms = 1'000, .age_ms = 950})});
    CHECK(bench.router.rejects()["stale"] == 1);
    bench.turn({plain(39'000)});  // late by a second: no stranger to a ttl of 30
    CHECK(bench.router.counters()["heartbeats"] == 5);
    // A second later the input proves to be empty, and event time goes on.
    bench.turns(1'100ms);
    bench.turn({plain(1'200)});
    CHECK(bench.router.rejects()["stale"] == 2);
}

TEST_CASE("an edge's delay is never overestimated", "[collector][input]") {
    rc::prop("random delays, a drifting clock cut to milliseconds", [] {
        Edges edges(10);
        const auto drift_ppm = *rc::gen::inRange<std::int64_t>(-490, 491);
        std::int64_t sent_us = 0;
        std::int64_t received_us = 0;
        const auto steps = *rc::gen::inRange(1, 50);
        for (int i = 0; i < steps; ++i) {
            sent_us += *rc::gen::inRange(0, 4'000'000);
            received_us =
                std::max(received_us, sent_us + *rc::gen::inRange<std::int64_t>(0, 3'000'000));
            const auto edge_us = 5'000'000'000 + sent_us + sent_us * drift_ppm / 1'000'000;
            const auto delay =
                edges.delay_of({.edge = "e",
                                .boot = 1,
                                .seq = 1,
                                .sent_ms = static_cast<std::uint64_t>(edge_us / 1'000)},
                               Instant{Duration{received_us}});
            RC_ASSERT(delay.has_value());
            RC_ASSERT(delay->time.count() >= 0);
            RC_ASSERT(delay->time.count() <= received_us - sent_us);
        }
    });
}

TEST_CASE("an edge whose clock stood still is not taken to be late for longer than seconds",
          "[collector][input]") {
    Edges edges(10);
    const auto delay = [&](Duration at, Duration sent) { return delay_of(edges, at, sent); };
    for (auto t = 100s; t < 110s; t += 1s)
        CHECK(delay(t, t) < 10ms);
    // Its machine was suspended for 40 s, of which its clock knows nothing.
    for (auto t = 150s; t < 152s; t += 1s)
        CHECK(delay(t, t - 40s) > 39s);
    for (auto t = 152s; t < 240s; t += 1s)
        CHECK(delay(t, t - 40s) < 50ms);
}

TEST_CASE("a clock that is none ages nobody for longer than seconds", "[collector][input]") {
    Edges edges(10);
    const auto sent = GENERATE(as<double>{}, 0, 0.001, 0.5, -1);  // of how fast it goes
    const auto at = [&](Duration t) {
        const auto ms = 1'000'000 + static_cast<std::int64_t>(static_cast<double>(t / 1ms) * sent);
        return *edges.delay_of(
            {.edge = "e", .boot = 1, .seq = 1, .sent_ms = static_cast<std::uint64_t>(ms)},
            Instant{100s + t});
    };
    Duration worst{};
    for (auto t = 0ms; t < 7s; t += 500ms)
        worst = std::max(worst, at(t).time);
    CHECK(worst < 8s);
    for (auto t = 7'000ms; t < 300s; t += 500ms) {
        CHECK(at(t).time == 0ms);
        CHECK(at(t).clock_wrong);
    }
    // Another run of the edge has another clock, perhaps.
    const Envelope anew{.edge = "e", .boot = 2, .seq = 1, .sent_ms = 5};
    CHECK_FALSE(edges.delay_of(anew, Instant{500s})->clock_wrong);
}

TEST_CASE("nor one whose clock stood still for a moment", "[collector][input]") {
    Edges edges(10);
    const auto delay = [&](Duration at, Duration sent) { return delay_of(edges, at, sent); };
    for (auto t = 100s; t < 110s; t += 1s)
        CHECK(delay(t, t) < 10ms);
    for (auto t = 111s; t < 113s; t += 1s)
        CHECK(delay(t, t - 100ms) > 90ms);
    for (auto t = 113s; t < 160s; t += 1s)
        CHECK(delay(t, t - 100ms) < 10ms);
}

TEST_CASE("what waited is late until the queue is empty, however long the edge was away",
          "[collector][input]") {
    Edges edges(10);
    const auto delay = [&](Duration at, Duration sent) { return delay_of(edges, at, sent); };
    CHECK(delay(100s, 100s) == 0ms);
    for (int n = 0; n < 3; ++n) {
        const auto back = 140s + n * 10s;
        for (auto late = 30s; late > 0s; late -= 1s)
            CHECK(delay(back, back - late) > late - 100ms);
        CHECK(delay(back, back) < 100ms);
    }
}

TEST_CASE("leases are told of edges heard since a time, and then", "[collector][input]") {
    Edges edges(10);
    CHECK(delay_of(edges, 100s, 1s) == 0ms);
    std::string leases;
    edges.append_leases(Instant{100s + 1us}, leases);
    CHECK(leases.empty());
    edges.append_leases(Instant{100s}, leases);
    CHECK_FALSE(leases.empty());
}

TEST_CASE("edges are limited; the silent ones make room after a minute", "[collector][input]") {
    Edges edges(2);
    const auto delay = [&](std::string_view edge, Instant at) {
        return edges.delay_of({.edge = edge, .boot = 1, .seq = 1, .sent_ms = 5}, at);
    };
    CHECK(delay("e1", Instant{100s}));
    CHECK(delay("e2", Instant{130s}));
    CHECK_FALSE(delay("e3", Instant{131s}));
    CHECK(delay("e1", Instant{132s}));
    CHECK_FALSE(delay("e3", Instant{190s - 1us}));
    CHECK(delay("e3", Instant{191s}));
    CHECK(edges.size() == 2);
    CHECK_FALSE(delay("e2", Instant{191s}));
}

TEST_CASE("a message of an edge too many counts, and is counted", "[collector][input]") {
    Bench bench;
    std::vector<std::string> messages;
    for (std::size_t i = 0; i <= kEdgesMax; ++i)
        messages.push_back(envelope("e" + std::to_string(i), {}, {.user = "u"}));
    bench.turn(messages);
    CHECK(bench.router.rejects()["edges_limit"] == 1);
    CHECK(bench.router.counters()["heartbeats"] == kEdgesMax + 1);
}

TEST_CASE("the first wrong field since it was asked names its user and edge",
          "[collector][input]") {
    Bench bench;
    CHECK_FALSE(bench.router.take_wrong());
    const std::string long_name(kNameBytesMax + 1, 'x');
    const auto frames = bench.turn({envelope("gw", {}, {.user = "alice", .status = long_name}),
                                    envelope("gw", {}, {.user = "bob", .status = "\n"})});
    CHECK(users_of(frames) == Users{"alice", "bob"});
    const auto wrong = bench.router.take_wrong();
    REQUIRE(wrong);
    CHECK(wrong->user == "alice");
    CHECK(wrong->edge == "gw");
    CHECK(wrong->field == Reject("bad_status"));
    CHECK_FALSE(bench.router.take_wrong());
}

TEST_CASE("bad input is counted by reason and what is good goes on", "[collector][input]") {
    Bench bench;
    bench.router.on_multipart();
    const auto frames = bench.turn({"\xc1", beat("a"), std::string(70'000, 'x'), "\xa0",
                                    std::string(10'000, '\x91'), "\xdd\x0f\xff\xff\xff"});
    CHECK(users_of(frames) == Users{"a"});
    const auto& rejects = bench.router.rejects();
    CHECK(rejects["multipart"] == 1);
    CHECK(rejects["not_msgpack"] == 2);
    CHECK(rejects["too_large"] == 1);
    CHECK(rejects["user_empty"] == 1);
    CHECK(rejects["too_deep"] == 1);
    CHECK(rejects.total() == 6);
}

TEST_CASE("rows refused by trackers as another's are counted over their runs",
          "[collector][input]") {
    Bench bench;
    bench.turns(30ms);
    auto ack = bench.ack(1);
    ack.moved = 3;
    bench.tell(ack);
    ack.moved = 5;
    bench.tell(ack);
    CHECK(bench.router.counters()["moved"] == 5);
    ack.tracker_boot = 2;
    ack.moved = 1;
    bench.tell(ack);
    CHECK(bench.router.counters()["moved"] == 6);
}

TEST_CASE("a new map routes from then on, and loses nothing of a tracker that left",
          "[collector][input]") {
    Bench bench({}, {"t1", "t2"});
    std::vector<std::string> messages;
    for (int i = 0; i < 100; ++i)
        messages.push_back(beat("user-" + std::to_string(i)));
    bench.turn(messages);
    bench.turn({beat("late")});
    const auto sent_before = bench.router.counters()["rows_sent"];
    CHECK(sent_before == 100);

    bench.router.adopt(SlotMap::rendezvous(2, {"t3", "t1"}));
    auto frames = bench.turns(10ms);
    // The last frame by the old list tells t1 how far that one fed it.
    const auto of_old = std::erase_if(frames, [](const auto& frame) {
        return frame.tracker == 1 && frame.header.map_version == 1 && frame.rows.empty();
    });
    CHECK(of_old == 1);
    for (const auto& frame : frames)
        CHECK(frame.header.list() == rank_of(bench.router.map()));
    const auto& map = bench.router.map();
    std::size_t moved = 0;
    for (const auto& frame : frames)
        for (const auto& row : frame.rows) {
            CHECK(map.owner[slot_of(hash_of(row.user))] == frame.tracker);
            ++moved;
        }
    const auto old = SlotMap::rendezvous(1, {"t1", "t2"});
    std::size_t of_t2 = 0;
    for (int i = 0; i < 100; ++i)
        of_t2 += old.owner[slot_of(hash_of("user-" + std::to_string(i)))] == 1;
    CHECK(moved == of_t2 + 1);
    // The link of t1 goes on where it was, the one of t3 begins.
    for (const auto& frame : frames)
        CHECK(frame.header.number == (frame.tracker == 0 ? 1u : 3u));
    // What was read of the users of t3 before went elsewhere.
    for (const auto& frame : frames)
        CHECK(frame.header.dropped == (frame.tracker == 0 ? 1u : 0u));

    // A tracker that comes back has had frames of this run: it must not take new ones for those.
    bench.router.adopt(SlotMap::rendezvous(3, {"t1", "t2"}));
    for (const auto& frame : bench.turns(10ms))
        CHECK((frame.header.boot > RouterOptions{}.boot) == (frame.tracker == 1));
}
