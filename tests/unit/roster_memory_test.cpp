#include <catch2/catch.hpp>

#include "tracker/roster/roster.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

// Allocated bytes a user, allocator's overhead and page rounding excluded: deterministic.
double bytes_per_user(std::uint32_t users, std::string_view prefix, std::string_view session) {
    Roster roster({.edge_lost_rate = 1'000'000'000}, Instant{});
    std::vector<Event> out;
    for (std::uint32_t u = 0; u < users; ++u) {
        const auto id = std::string(prefix) + std::to_string(100'000'000 + u);
        Beat b;
        b.user = id;
        b.hash = hash_of(id);
        b.session = session;
        b.edge = "edge-1";
        b.ttl_ms = 30'000;
        b.at = Instant{1s};
        roster.apply(std::span(&b, 1), {}, out);
        out.clear();
    }
    return static_cast<double>(roster.bytes()) / static_cast<double>(users);
}

// Some users' beats and byes.
struct Few {
    void apply(std::string_view user, std::string_view session, Duration at,
               std::string_view edge = {}, bool bye = false, std::uint32_t ttl_ms = 30'000) {
        Beat b;
        b.user = user;
        b.hash = hash_of(user);
        b.session = session;
        b.edge = edge;
        b.ttl_ms = ttl_ms;
        b.bye = bye;
        b.at = Instant{at};
        roster.apply(std::span(&b, 1), {}, out);
        roster.check();
    }
    void expire(Duration event_time) {
        while (roster.expire(Instant{event_time}, {}, 100, out)) {
        }
        roster.check();
    }
    Roster roster{{}, Instant{}};
    std::vector<Event> out;
};

}  // namespace

TEST_CASE("a user with a short id and one unnamed session costs at most 76 bytes",
          "[roster][memory]") {
    // Just below and just above a doubling of the slots' tables, 7/8 of 128 users each.
    CHECK(bytes_per_user(105'000, "user-id", "") < 64);
    CHECK(bytes_per_user(125'000, "user-id", "") < 76);
}

TEST_CASE("a longer id costs its bytes, and a session name 20 more than its bytes",
          "[roster][memory]") {
    const auto base = bytes_per_user(100'000, "user-id", "");
    CHECK(bytes_per_user(100'000, "an id of 36 bytes, as uuids ", "") ==
          Approx(base + 37).margin(1));
    CHECK(bytes_per_user(100'000, "user-id", "16-bytes-session") == Approx(base + 36).margin(1));
}

TEST_CASE("users who come and go leave no memory behind", "[roster][memory]") {
    Roster roster({.edge_lost_rate = 1'000'000'000}, Instant{});
    std::vector<Event> out;
    std::uint64_t after_first = 0;
    for (int round = 0; round < 10; ++round) {
        const Instant now{round * 100s};
        for (int u = 0; u < 3'000; ++u) {
            const auto id = "a user of more than twenty bytes " + std::to_string(round * 3'000 + u);
            Beat b;
            b.user = id;
            b.hash = hash_of(id);
            b.session = u % 2 ? "c1" : "";
            b.edge = u % 3 ? "edge-1" : "";
            b.ttl_ms = 30'000;
            b.at = now;
            roster.apply(std::span(&b, 1), {}, out);
        }
        REQUIRE(roster.users() == 3'000);
        if (round == 0) after_first = roster.bytes();
        while (roster.expire(now + 50s, {}, 1'000, out)) {
        }
        REQUIRE(roster.users() == 0);
        CHECK(roster.bytes() < after_first);
    }
}

TEST_CASE("an unnamed session needs a list no longer once it is the only one", "[roster][memory]") {
    Few few;
    few.apply("bob", "", 10s, "gw-1");
    few.apply("alice", "", 10s);
    const auto alone = few.roster.bytes();
    SECTION("as before a bye that is a straggler, or of another session") {
        few.apply("alice", "", 7s, "", true);
        CHECK(few.roster.bytes() == alone);
        few.apply("alice", "", 10s, "gw-1", true);
        CHECK(few.roster.bytes() == alone);
    }
    SECTION("as before the end of a session it has not") {
        CHECK_FALSE(few.roster.end(hash_of("alice"), "alice", "tab", Instant{10s}, {}, few.out));
        CHECK(few.roster.bytes() == alone);
    }
    SECTION("when the other has ended") {
        few.apply("alice", "tab", 9s, "", false, 1'000);
        CHECK(few.roster.bytes() > alone);
        few.expire(11s);
        CHECK(few.roster.bytes() == alone);
    }
    SECTION("when the other, newer one has ended and it beats again") {
        few.apply("alice", "tab", 11s, "", false, 1'000);
        few.expire(13s);
        CHECK(few.roster.bytes() > alone);
        few.apply("alice", "", 14s);
        CHECK(few.roster.bytes() == alone);
    }
    CHECK(few.roster.users() == 2);
}

TEST_CASE("a bye is remembered if its session has a name and may have stragglers",
          "[roster][memory]") {
    Few few;
    few.expire(13s);
    const auto none = few.roster.bytes();
    few.apply("alice", "", 13s, "", true);
    CHECK(few.roster.bytes() == none);
    few.apply("alice", "tab", 10s, "", true);
    CHECK(few.roster.bytes() == none);
    few.apply("alice", "tab", 12s, "", true);
    CHECK(few.roster.bytes() > none);
}
