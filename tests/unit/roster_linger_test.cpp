// What a bye does to its session, and when.
#include "tests/unit/roster_world.hpp"

using namespace presence;
using namespace presence::tracker;
using namespace presence::tracker::roster_world;

TEST_CASE("a named session stays dead for two seconds after its bye, whichever comes first",
          "[roster]") {
    RosterWorld w;
    w.apply(w.bye(w.session("bob", "c1", at(10s))));  // overtook its heartbeats
    CHECK(w.apply(w.session("bob", "c1", at(10s))).empty());
    w.apply(w.session("alice", "c1", at(9s)));
    CHECK(w.apply(w.bye(w.session("alice", "c1", at(10s)))).empty());
    CHECK(w.expire(at(10s)).empty());
    CHECK(w.expire(at(10s) + 1ms).size() == 1);
    CHECK(w.apply(w.session("alice", "c1", at(12s))).empty());
    CHECK(w.roster.counters()["after_bye"] == 2);
    CHECK(w.apply(w.session("alice", "c2", at(10s))).size() == 1);  // another connection
    CHECK(w.apply(w.session("bob", "c1", at(12s + 1ms))).size() == 1);
}

TEST_CASE("heartbeats that their bye overtook are told as if they had come first", "[roster]") {
    RosterWorld w;
    w.apply(w.bye(w.session("alice", "c1", at(10s))));
    CHECK(w.apply(w.session("alice", "c1", at(9s))).size() == 1);
    CHECK(w.apply(w.session("alice", "c1", at(8s))).empty());
    CHECK(w.expire(at(10s)).empty());
    const auto told = w.expire(at(10s) + 1ms);
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "bye");
    CHECK(told[0].at_ms == kWallMs + 10'000);
    CHECK(told[0].last_seen_ms == kWallMs + 9'000);
    CHECK(w.apply(w.session("alice", "c1", at(9s))).empty());  // too late to be told
    CHECK(w.roster.counters()["after_bye"] == 2);
}

TEST_CASE("of the unnamed session the newer of heartbeat and bye counts, whichever comes first",
          "[roster]") {
    RosterWorld w;
    w.apply(w.beat("alice", at(10s)));
    w.apply(w.bye(w.beat("alice", at(10s) - 1ms)));
    CHECK(w.expire(at(11s)).empty());
    CHECK(w.roster.counters()["stale"] == 1);
    w.apply(w.bye(w.beat("alice", at(12s))));
    CHECK(w.apply(w.beat("alice", at(12s) - 1ms)).empty());
    CHECK(w.roster.counters()["after_bye"] == 1);

    SECTION("she has left") {
        const auto told = w.expire(at(12s) + 1ms);
        REQUIRE(told.size() == 1);
        CHECK(told[0].reason == "bye");
        CHECK(told[0].at_ms == kWallMs + 12'000);
        CHECK(told[0].last_seen_ms == kWallMs + 10'000);
    }
    SECTION("of one time the last to come counts: she is back") {
        CHECK(w.apply(w.beat("alice", at(12s))).empty());
        CHECK(w.expire(at(42s)).empty());
        CHECK(w.expire(at(42s) + 1ms).size() == 1);
    }
}

TEST_CASE("who lingers after a bye and is back in time never left", "[roster][linger]") {
    RosterWorld w;
    w.apply(w.session("alice", "c1", at(10s)));
    auto bye = RosterWorld::bye(w.session("alice", "c1", at(11s)), 5'000);
    CHECK(w.apply(bye).empty());
    CHECK(w.expire(at(16s)).empty());

    SECTION("by another session") {
        CHECK(w.apply(w.session("alice", "c2", at(15s))).empty());
        CHECK(w.expire(at(45s)).empty());
    }
    SECTION("by the same, but not by a straggler of it") {
        CHECK(w.apply(w.session("alice", "c1", at(13s))).empty());
        CHECK(w.roster.counters()["after_bye"] == 1);
        CHECK(w.apply(w.session("alice", "c1", at(13s) + 1ms)).empty());
        CHECK(w.expire(at(43s)).empty());
        CHECK(w.expire(at(44s)).size() == 1);
    }
    SECTION("or else has") {
        const auto told = w.expire(at(16s) + 1ms);
        REQUIRE(told.size() == 1);
        CHECK(told[0].reason == "bye");
        CHECK(told[0].at_ms == kWallMs + 16'000);
        CHECK(told[0].last_seen_ms == kWallMs + 10'000);
    }
    SECTION("a second bye that ends sooner counts, one that ends later does not") {
        bye.at = at(12s);
        CHECK(w.apply(bye).empty());
        bye.ttl_ms = 4'500;  // 16.5 s, and that is later
        w.apply(bye);
        CHECK(w.expire(at(16s) + 1ms).size() == 1);
    }
}

TEST_CASE("a second bye may end a session that lingers", "[roster][linger]") {
    RosterWorld w;
    w.apply(w.session("alice", "c1", at(10s)));
    auto bye = RosterWorld::bye(w.session("alice", "c1", at(11s)), 5'000);
    w.apply(bye);
    bye.at = at(12s);
    bye.ttl_ms = 0;
    w.apply(bye);
    CHECK(w.expire(at(12s)).empty());
    CHECK(w.expire(at(12s) + 1ms).size() == 1);
}

TEST_CASE("nobody lingers for longer than their ttl", "[roster][linger]") {
    RosterWorld w;
    w.apply(w.beat("alice", at(10s)));
    auto bye = RosterWorld::bye(w.beat("alice", at(11s)), kLingerMaxMs);
    w.apply(bye);
    CHECK(w.expire(at(40s)).empty());
    const auto told = w.expire(at(40s) + 1ms);
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "bye");
    bye.ttl_ms = kLingerMaxMs + 1;
    w.apply(bye);
    CHECK(w.roster.counters()["malformed"] == 1);
}

// Bye and new page may go through two collectors, of which one swallows what it read.
TEST_CASE("a lift undoes a bye that it cannot be sure of", "[roster][linger]") {
    RosterWorld w;
    w.apply(w.session("alice", "c1", at(10s)));
    w.apply(w.session("bob", "c1", at(10s)));
    w.apply(RosterWorld::bye(w.session("alice", "c1", at(11s))));
    CHECK(w.roster.find(hash_of("alice"), "alice", {})->leaves_at);
    w.roster.lift(at(12s));
    CHECK_FALSE(w.roster.find(hash_of("alice"), "alice", {})->leaves_at);
    w.apply(RosterWorld::bye(w.session("bob", "c1", at(12s))));  // nothing is missing behind it

    const auto left = w.expire(at(42s));
    REQUIRE(left.size() == 1);
    CHECK(left[0].user == "bob");
    const auto told = w.expire(at(42s) + 1ms);
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "alice");
    CHECK(told[0].reason == "timeout");
}

TEST_CASE("who has left takes no room, and not without bound", "[roster][linger]") {
    RosterWorld w;
    std::deque<std::string> names;
    for (int i = 0; i < 100; ++i) {
        names.push_back("page-" + std::to_string(i));
        const auto t = at(1s) + i * 1ms;
        w.apply(w.session("alice", names.back(), t));
        auto bye = RosterWorld::bye(w.session("alice", names.back(), t), 10'000);
        CHECK(w.apply(bye).empty());
    }
    CHECK(w.roster.sessions() == kSessionsPerUserMax);
    CHECK(w.roster.counters()["sessions_limit"] == 0);
    CHECK(w.roster.counters()["lingering_limit"] == 100 - kSessionsPerUserMax);
    CHECK(w.expire(at(11s) + 99ms).empty());
    CHECK(w.expire(at(11s) + 100ms).size() == 1);
}

TEST_CASE("a bye ends its session on its own edge only", "[roster]") {
    RosterWorld w;
    auto here = w.beat("alice", at(1s)), there = w.beat("alice", at(1s));
    here.edge = "edge-1";
    there.edge = "edge-2";
    w.apply(here);
    w.apply(there);
    CHECK(w.roster.sessions() == 2);
    CHECK(w.apply(w.bye(here)).empty());
    CHECK(w.apply(w.bye(here)).empty());
    w.apply(w.bye(there));
    const auto offline = w.expire(at(1s) + 1ms);
    REQUIRE(offline.size() == 1);
    CHECK(offline[0].reason == "bye");
}

TEST_CASE("a bye ends its session when event time has come there", "[roster]") {
    RosterWorld w;
    w.apply(w.session("alice", "phone", at(0s)));
    w.apply(w.session("alice", "tablet", at(28s)));
    // Event time is behind: what the phone did between 30 s and 40 s is not known yet.
    CHECK(w.expire(at(29s)).empty());
    CHECK(w.apply(RosterWorld::bye(w.session("alice", "tablet", at(40s)))).empty());
    CHECK(w.expire(at(40s)).empty());

    SECTION("a heartbeat from before the bye keeps the user online") {
        CHECK(w.apply(w.session("alice", "phone", at(35s))).empty());
        CHECK(w.expire(at(65s)).empty());
    }
    SECTION("without one the user left with the bye") {
        const auto offline = w.expire(at(41s));
        REQUIRE(offline.size() == 1);
        CHECK(offline[0].at_ms == kWallMs + 40'000);
    }
}

TEST_CASE("a bye that waited ends its session when event time has come to its reading",
          "[roster]") {
    RosterWorld w;
    w.apply(w.session("alice", "phone", at(0s)));
    w.apply(w.session("alice", "tablet", at(28s)));
    CHECK(w.expire(at(29s)).empty());
    // Said at 31 s, read at 40 s: what another collector read between may still be on its way.
    auto bye = RosterWorld::bye(w.session("alice", "tablet", at(31s)));
    bye.read = at(40s);
    CHECK(w.apply(bye).empty());
    CHECK(w.expire(at(40s)).empty());

    SECTION("a heartbeat that was read before the bye keeps the user online") {
        CHECK(w.apply(w.session("alice", "phone", at(35s))).empty());
        CHECK(w.expire(at(65s)).empty());
    }
    SECTION("without one they are offline as soon as event time has passed that") {
        const auto offline = w.expire(at(40s) + 1ms);
        REQUIRE(offline.size() == 1);
        CHECK(offline[0].at_ms == kWallMs + 40'000);
    }
}
