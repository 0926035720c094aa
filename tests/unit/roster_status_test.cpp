// When a status is news: only if what a session says changes.
#include <catch2/catch.hpp>

#include "tracker/roster/roster.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

struct Devices {
    std::vector<Event> say(std::string_view session, Duration at,
                           std::optional<std::string_view> status, bool bye = false) {
        Beat b;
        b.user = "alice";
        b.hash = hash_of(b.user);
        b.session = session;
        b.status = status;
        b.ttl_ms = 30'000;
        b.at = Instant{at};
        b.bye = bye;
        if (bye) b.ttl_ms = 0;
        std::vector<Event> out;
        roster.apply(std::span(&b, 1), {}, out);
        if (bye) CHECK_FALSE(roster.expire(b.at + 1ms, {}, 10, out));
        roster.check();
        return out;
    }
    [[nodiscard]] std::string status() const {
        return std::string(roster.find(hash_of("alice"), "alice", {})->status.value_or(""));
    }
    Roster roster{{}, Instant{}};
};

}  // namespace

TEST_CASE("two devices that each repeat their own status are no news", "[roster]") {
    Devices alice;
    CHECK(alice.say("phone", 1s, "away").size() == 1);
    CHECK(alice.say("desk", 2s, "busy").size() == 1);
    for (auto at = 3s; at < 23s; at += 2s) {
        CHECK(alice.say("phone", at, "away").empty());
        CHECK(alice.say("desk", at + 1s, "busy").empty());
    }
    CHECK(alice.status() == "busy");

    SECTION("what one says anew is") {
        REQUIRE(alice.say("phone", 24s, "here").size() == 1);
        CHECK(alice.status() == "here");
        CHECK(alice.say("desk", 25s, "busy").empty());
        CHECK(alice.say("phone", 23'500ms, "away").empty());  // late, by another collector
        CHECK(alice.status() == "here");
    }
    SECTION("a repetition is what the session said last") {
        CHECK(alice.say("desk", 21'500ms, "lunch").empty());  // older than that
        CHECK(alice.status() == "busy");
    }
    SECTION("and when one ends, that the other says something else") {
        const auto told = alice.say("desk", 24s, {}, true);
        REQUIRE(told.size() == 1);
        CHECK(told[0].status == "away");
    }
    SECTION("who clears theirs clears all, until another says something new") {
        REQUIRE(alice.say("phone", 24s, "").size() == 1);
        CHECK(alice.say("desk", 25s, "busy").empty());
        CHECK(alice.status().empty());
        CHECK(alice.say("desk", 26s, "lunch").size() == 1);
    }
}
