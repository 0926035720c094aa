// What is just within the limits of tracker/roster.hpp, times far from one another, and the end of
// all sessions at once.
#include <catch2/catch.hpp>

#include "common/limits.hpp"
#include "tracker/roster.hpp"

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
    CHECK(s.roster.stats().malformed == 0);
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
    const auto told = s.apply(s.beat("alice", 2s, {}, true));
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "bye");
}

TEST_CASE("a bye that comes as late as it may keeps its session dead", "[roster]") {
    Small s;
    s.expire(10s + Roster::kByeMemory);
    s.apply(s.beat("alice", 10s, "tab", true));
    CHECK(s.apply(s.beat("alice", 10s + Roster::kByeMemory, "tab")).empty());
    CHECK(s.roster.stats().after_bye == 1);
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
