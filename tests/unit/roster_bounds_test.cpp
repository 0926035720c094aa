// What is just within the limits of tracker/roster/roster.hpp, times far from one another, and the
// end of all sessions at once.
#include <catch2/catch.hpp>

#include "common/limits.hpp"
#include "tracker/roster/roster.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

struct Small {
    static Beat beat(std::string_view user, Duration at, std::string_view session = {},
                     bool bye = false) {
        Beat b;
        b.user = user;
        b.hash = hash_of(user);
        b.session = session;
        b.ttl_ms = 30'000;
        b.at = Instant{at};
        b.bye = bye;
        if (bye) b.ttl_ms = 0;
        return b;
    }
    std::vector<Event> apply(const Beat& b) {
        std::vector<Event> out;
        roster.apply(std::span(&b, 1), {}, out);
        roster.check();
        return out;
    }
    std::vector<Event> expire(Duration event_time) {
        std::vector<Event> out;
        while (roster.expire(Instant{event_time}, {}, 100, out)) {
        }
        roster.check();
        return out;
    }
    Roster roster{{}, Instant{}};
};

}  // namespace

TEST_CASE("names of the greatest length are taken", "[roster]") {
    Small s;
    const std::string user(kUserBytesMax, 'u'), name(kNameBytesMax, 'n');
    auto beat = s.beat(user, 1s, name);
    beat.edge = name;
    beat.status = name;
    const auto told = s.apply(beat);
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == user);
    CHECK(told[0].status == name);
    CHECK(s.roster.counters()["malformed"] == 0);
}

TEST_CASE("a heartbeat weeks older than the newest counts as six days old", "[roster]") {
    Small s;
    s.apply(s.beat("bob", 24h * 30));
    CHECK(s.apply(s.beat("alice", 1s)).size() == 1);
    const auto told = s.expire(24h * 30);
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "alice");
    CHECK(told[0].last_seen_ms > std::chrono::milliseconds{24h * 23}.count());
    CHECK(told[0].last_seen_ms < std::chrono::milliseconds{24h * 24}.count());
}

TEST_CASE("its bye ends a session also if both are weeks older than the newest", "[roster]") {
    Small s;
    s.apply(s.beat("alice", 1s));
    s.apply(s.beat("bob", 24h * 30));
    s.apply(s.beat("alice", 2s, {}, true));
    const auto told = s.expire(24h * 29);
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "bye");
}

TEST_CASE("a bye that comes as late as it may keeps its session dead", "[roster]") {
    Small s;
    s.expire(10s + Roster::kByeMemory);
    s.apply(s.beat("alice", 10s, "tab", true));
    CHECK(s.apply(s.beat("alice", 10s + Roster::kByeMemory, "tab")).empty());
    CHECK(s.roster.counters()["after_bye"] == 1);
}

TEST_CASE("who is ended at once is told with the ttl of the session that would have ended last",
          "[roster]") {
    Small s;
    auto longest = s.beat("alice", 1s, "b");
    longest.ttl_ms = 60'000;
    s.apply(s.beat("alice", 2s, "a"));
    s.apply(longest);
    s.apply(s.beat("alice", 3s, "c"));
    std::vector<Event> told;
    CHECK(s.roster.end(hash_of("alice"), "alice", {}, Instant{4s}, {}, told));
    REQUIRE(told.size() == 1);
    CHECK(told[0].ttl_ms == 60'000);
    CHECK(told[0].reason == "bye");
    CHECK(s.roster.users() == 0);
}

TEST_CASE("whose session finds no room is online for as long as it beats", "[roster]") {
    Small s;
    for (int i = 0; i < 20; ++i)
        s.apply(s.beat("alice", 1s, "tab" + std::to_string(i)));
    CHECK(s.roster.sessions() == kSessionsPerUserMax);
    CHECK(s.roster.counters()["sessions_limit"] == 4);

    SECTION("although all that have room say bye") {
        for (int i = 0; i < 16; ++i)
            CHECK(s.apply(s.beat("alice", 2s, "tab" + std::to_string(i), true)).empty());
        s.apply(s.beat("alice", 10s, "tab19"));
        CHECK(s.expire(39s).empty());
        const auto told = s.expire(40s + 1ms);
        REQUIRE(told.size() == 1);
        CHECK(told[0].reason == "timeout");
        CHECK(told[0].at_ms == 40'000);
    }
    SECTION("although those fall silent") {
        for (const auto at : {10s, 20s, 30s, 40s, 50s}) {
            s.apply(s.beat("alice", at, "tab19"));
            CHECK(s.expire(at).empty());
        }
        CHECK(s.roster.sessions() == 2);  // the shared one, and since there is room its own
        CHECK(s.apply(s.beat("alice", 60s, "tab19", true)).empty());  // others may be in that one
        CHECK(s.expire(70s).empty());
        CHECK(s.expire(70s + 1ms).size() == 1);
    }
    SECTION("its own bye ends nothing that is not its own") {
        CHECK(s.apply(s.beat("alice", 2s, "tab17", true)).empty());
        CHECK(s.roster.sessions() == kSessionsPerUserMax);
    }
}

TEST_CASE("who share a session are held for the longest ttl of theirs", "[roster]") {
    Small s;
    for (int i = 0; i < 16; ++i)
        s.apply(s.beat("alice", 1s, "tab" + std::to_string(i)));
    auto quiet = s.beat("alice", 2s, "push");
    quiet.ttl_ms = 600'000;
    CHECK(s.apply(quiet).size() == 1);  // the ttl grew
    auto brief = s.beat("alice", 3s, "brief");
    brief.ttl_ms = 2'000;
    CHECK(s.apply(brief).empty());
    s.roster.lift(Instant{100s});
    CHECK(s.expire(100s + 600s).empty());
    CHECK(s.expire(100s + 600s + 1ms).size() == 1);
}

TEST_CASE("the seventeenth session has its edge's lease", "[roster][leases]") {
    Small s;
    for (int i = 0; i < 16; ++i)
        s.apply(s.beat("alice", 1s, "tab" + std::to_string(i)));
    auto other = s.beat("alice", 2s, "tab");
    other.edge = "gw-2";
    s.apply(other);
    s.roster.on_lease("gw-2", Instant{2s});
    CHECK(s.roster.sessions() == kSessionsPerUserMax);
    CHECK(s.expire(33s).empty());
    const auto hold = s.roster.hold_of(hash_of("alice"), "alice");
    REQUIRE(hold);
    CHECK(hold->edge == "gw-2");
}
