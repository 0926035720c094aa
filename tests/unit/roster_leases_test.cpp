// Users of edges that fall silent: held, found again elsewhere, or lost, and how many at once.
#include <catch2/catch.hpp>
#include <map>

#include "tracker/roster/roster.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

Instant at(Duration d) {
    return Instant{1'000s + d};
}

// One roster whose event time is what it is told.
struct Rig {
    explicit Rig(Roster::Options options = {}) : roster(options, at(0s)) {}

    void beat(const std::string& user, const std::string& edge, Duration when,
              std::uint32_t ttl_ms = 30'000, const std::string& session = "", bool bye = false) {
        Beat b;
        b.user = user;
        b.hash = hash_of(user);
        b.edge = edge;
        b.session = session;
        b.ttl_ms = ttl_ms;
        b.at = at(when);
        b.bye = bye;
        if (bye) b.ttl_ms = 0;
        roster.apply(std::span(&b, 1), {}, out);
    }
    void lease(const std::string& edge, Duration when) { roster.on_lease(edge, at(when)); }
    // What is told until event time has come to `when`, in one step.
    std::vector<Event> expire(Duration when) {
        while (roster.expire(at(when), {}, 4'096, out)) {
        }
        roster.check();
        return std::exchange(out, {});
    }
    // The same in steps of 10 ms.
    std::vector<Event> walk(Duration from, Duration to) {
        std::vector<Event> all;
        for (auto t = from; t <= to; t += 10ms)
            for (auto& event : expire(t))
                all.push_back(std::move(event));
        return all;
    }
    [[nodiscard]] std::optional<Roster::Hold> hold_of(const std::string& user) const {
        return roster.hold_of(hash_of(user), user);
    }

    Roster roster;
    std::vector<Event> out;
};

std::int64_t ms(Duration d) {
    return at(d).time_since_epoch() / 1ms;
}

}  // namespace

TEST_CASE("a user who leaves a living edge is told offline on time", "[roster][leases]") {
    Rig rig;
    rig.beat("alice", "gw-1", 0s);
    for (auto t = 1s; t <= 30s; t += 1s)
        rig.lease("gw-1", t);
    rig.expire(30s);
    CHECK(rig.roster.users() == 1);
    const auto told = rig.walk(30s, 31s);
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "timeout");
    CHECK(told[0].at_ms == ms(30s));
}

TEST_CASE("users of a dead edge who reappear elsewhere never transition, the others are lost",
          "[roster][leases]") {
    Rig rig;
    rig.beat("alice", "gw-1", 0s);
    rig.beat("bob", "gw-1", 0s);
    rig.lease("gw-1", 1s);
    CHECK(rig.expire(33s).size() == 2);  // they came
    CHECK(rig.hold_of("alice")->edge == "gw-1");
    CHECK(rig.hold_of("alice")->since == at(1s));
    CHECK(rig.hold_of("alice")->until == at(34s));
    CHECK(rig.hold_of("alice")->sessions == 2);
    rig.beat("alice", "gw-2", 33'500ms);
    rig.lease("gw-2", 34s);
    CHECK_FALSE(rig.hold_of("alice"));
    CHECK(rig.expire(34s).empty());
    const auto told = rig.expire(34'001ms);
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "bob");
    CHECK(told[0].reason == "edge_lost");
    CHECK(told[0].at_ms == ms(34'001ms));  // when it was decided
    CHECK(told[0].last_seen_ms == ms(0s));
    CHECK(rig.roster.counters()["edge_lost"] == 1);
    CHECK(rig.roster.sessions() == 1);
    for (auto t = 35s; t <= 63s; t += 1s)
        rig.lease("gw-2", t);
    CHECK(rig.expire(63s).empty());
}

TEST_CASE("a bye elsewhere adds nothing to what an edge's silence holds already",
          "[roster][leases]") {
    Rig rig;
    rig.beat("alice", "gw-1", 0s, 30'000, "one");
    rig.beat("alice", "gw-2", 20s, 30'000, "two");
    rig.lease("gw-1", 1s);
    rig.lease("gw-1", 32s);  // 31 s later
    rig.expire(33s);
    rig.beat("alice", "gw-2", 40s, 30'000, "two", true);
    for (auto t = 33s; t <= 70s; t += 1s)
        rig.lease("gw-1", t);
    const auto told = rig.walk(33s, 70s);
    REQUIRE(told.size() == 1);
    CHECK(told[0].state == State::offline);
    CHECK(told[0].at_ms == ms(61s));
}

TEST_CASE("a bye elsewhere holds a session whose edge is silent until it was read, all the same",
          "[roster][leases]") {
    Rig rig;
    rig.beat("alice", "gw-1", 0s, 30'000, "one");
    rig.lease("gw-1", 1s);  // held until 34 s
    rig.beat("alice", "gw-2", 20s, 30'000, "two");
    for (auto t = 20s; t <= 34s; t += 1s)
        rig.lease("gw-2", t);
    rig.expire(33'900ms);
    // Read at 34.5 s, ahead of event time; until then another collector may have heard her.
    rig.beat("alice", "gw-2", 34'500ms, 30'000, "two", true);
    CHECK(rig.expire(34'499ms).empty());
    rig.beat("alice", "gw-3", 34'200ms, 30'000, "three");
    CHECK(rig.expire(36s).empty());
    CHECK(rig.roster.users() == 1);
}

TEST_CASE("a user on two edges, one of which dies, does not transition, whichever was first",
          "[roster][leases]") {
    for (const std::string dead : {"gw-1", "gw-2"}) {
        Rig rig;
        rig.beat("alice", "gw-1", 0s);
        rig.beat("alice", "gw-2", 0s);
        rig.expire(1s);
        const std::string living = dead == "gw-1" ? "gw-2" : "gw-1";
        for (auto t = 1s; t <= 60s; t += 1s) {
            rig.beat("alice", living, t);
            rig.lease(living, t);
            CHECK(rig.expire(t).empty());
        }
        CHECK(rig.roster.sessions() == 1);
        CHECK(rig.roster.counters()["edge_lost"] == 0);
    }
}

TEST_CASE("an edge that was cut off and heals has no mass offline", "[roster][leases]") {
    Rig rig;
    std::vector<std::string> users;
    for (int n = 0; n < 1'000; ++n)
        users.push_back("user-" + std::to_string(n));
    // Each beats every 10 s, at its own time.
    const auto phase = [](std::size_t n) { return Duration{static_cast<int>(n) * 10'000}; };
    for (std::size_t n = 0; n < users.size(); ++n)
        rig.beat(users[n], "gw-1", phase(n));
    rig.lease("gw-1", 10s);
    CHECK(rig.expire(10s).size() == 1'000);
    CHECK(rig.walk(10s, 42s).empty());  // cut off
    for (auto round = 40s; round < 80s; round += 10s) {
        for (std::size_t n = 0; n < users.size(); ++n) {
            const auto now = round + phase(n);
            if (now < 42s) continue;
            rig.lease("gw-1", now);
            rig.beat(users[n], "gw-1", now);
            CHECK(rig.expire(now).empty());
        }
    }
    CHECK(rig.roster.users() == 1'000);
}

TEST_CASE("what is lost is told no faster than edge_lost_rate, and all of it", "[roster][leases]") {
    Rig rig({.edge_lost_rate = 500});
    for (int n = 0; n < 5'000; ++n)
        rig.beat("user-" + std::to_string(n), n % 2 == 0 ? "gw-1" : "gw-2", 0s);
    rig.beat("listed", "gw-1", 0s, 30'000, "tab");
    CHECK(rig.walk(0s, 33s).size() == 5'001);
    std::map<std::int64_t, int> of_second;
    for (const auto& event : rig.walk(33s, 45s)) {
        REQUIRE(event.reason == "edge_lost");
        ++of_second[(event.at_ms - ms(33s)) / 1'000];
    }
    CHECK(rig.roster.users() == 0);
    CHECK(rig.roster.counters()["edge_lost"] == 5'001);
    for (const auto& [second, count] : of_second)
        CHECK(count <= 550);
    CHECK(of_second.rbegin()->first <= 10);  // 5,001 at 500 a second
}

TEST_CASE("pacing leaves alone who does not go offline by it", "[roster][leases]") {
    Rig rig({.edge_lost_rate = 1});
    for (int n = 0; n < 100; ++n) {
        const auto user = "user-" + std::to_string(n);
        rig.beat(user, "gw-1", 0s);
        rig.beat(user, "gw-2", 20s);
    }
    for (auto t = 20s; t <= 40s; t += 1s)
        rig.lease("gw-2", t);
    rig.expire(34s);
    CHECK(rig.roster.sessions() == 100);
    CHECK(rig.roster.users() == 100);
}

TEST_CASE("users of a lost edge who come while others are told offline stay", "[roster][leases]") {
    Rig rig({.edge_lost_rate = 10});
    for (int n = 0; n < 100; ++n)
        rig.beat("user-" + std::to_string(n), "gw-1", 0s);
    rig.walk(0s, 34s);
    const auto left = rig.roster.users();
    REQUIRE(left > 50);
    for (int n = 0; n < 100; ++n)
        rig.beat("user-" + std::to_string(n), "", 34s);
    std::size_t online = 0;
    for (const auto& event : rig.walk(34'010ms, 60s)) {
        CHECK(event.state == State::online);
        ++online;
    }
    CHECK(online == 100 - left);
    CHECK(rig.roster.users() == 100);
}

TEST_CASE("sessions that no lease covers end on time", "[roster][leases]") {
    Rig rig;
    rig.beat("short", "gw-1", 0s, 5'999);
    rig.beat("unnamed", "", 0s, 30'000);
    rig.roster.restore({"held", 0, at(0s), 30'000, {}});
    CHECK(rig.expire(30s).size() == 3);
    CHECK(rig.expire(30'001ms).size() == 2);
    CHECK(rig.roster.users() == 0);
}

TEST_CASE("a bye ends a session that is held", "[roster][leases]") {
    Rig rig;
    rig.beat("alice", "gw-1", 0s);
    rig.expire(31s);
    REQUIRE(rig.hold_of("alice"));
    rig.beat("alice", "gw-1", 32s, 30'000, "", true);
    const auto told = rig.expire(32'001ms);
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "bye");
}

TEST_CASE("a lift counts for edges too: their words may have been swallowed", "[roster][leases]") {
    Rig rig;
    rig.beat("alice", "gw-1", 0s);
    rig.roster.lift(at(20s));
    CHECK(rig.expire(53s).size() == 1);
    const auto told = rig.expire(53'001ms);  // held from 50 s on
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "edge_lost");
}

TEST_CASE("while event time runs on without evidence, an edge that is lost may have been heard",
          "[roster][leases]") {
    Rig rig;
    rig.beat("u", "e", 0s, 10'000);
    rig.beat("two", "e", 0s, 10'000, "a");
    rig.roster.run_on(true, at(0s));
    const auto told = rig.walk(0s, 40s);
    REQUIRE(told.size() == 4);
    CHECK(told[2].reason == "edge_lost");
    CHECK(told[2].at_ms >= ms(33s));
    CHECK(told[2].freshness == Freshness::stale);
    CHECK(told[3].freshness == Freshness::stale);
}

TEST_CASE("silent edges are listed with what hangs on them, as many as asked for",
          "[roster][leases]") {
    Rig rig;
    for (int n = 0; n < 30; ++n)
        rig.beat("user-" + std::to_string(n), "gw-" + std::to_string(n % 10), 0s);
    rig.lease("gw-3", 9s);
    rig.lease("nobody's", 9s);
    rig.expire(10s);
    std::vector<Roster::Hold> holds;
    CHECK(rig.roster.silent_edges(4, holds) == 9);
    REQUIRE(holds.size() == 4);
    CHECK(holds[0].edge == "gw-0");
    CHECK(holds[0].sessions == 3);
    CHECK(holds[0].since == at(0s));
    CHECK(holds[0].until == at(33s));
    CHECK(rig.roster.edges() == 10);
    rig.expire(40s);
    CHECK(rig.roster.edges() == 1);
}

TEST_CASE("an edge whose users all left is forgotten, and known anew with the next",
          "[roster][leases]") {
    Rig rig;
    rig.beat("alice", "gw-1", 0s, 1'000);
    rig.expire(1'001ms);
    CHECK(rig.roster.edges() == 0);
    rig.lease("gw-1", 2s);
    rig.beat("bob", "gw-1", 60s);
    rig.expire(63s);
    std::vector<Roster::Hold> holds;
    CHECK(rig.roster.silent_edges(10, holds) == 0);
    CHECK(rig.expire(63'001ms).empty());
    CHECK(rig.roster.silent_edges(10, holds) == 1);
}
