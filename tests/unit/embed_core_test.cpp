#include <catch2/catch.hpp>

#include "embed/manager_core.hpp"

using namespace presence;
using embed::ManagerCore;

namespace {

ManagerCore core_with(std::chrono::milliseconds timeout, std::uint64_t users_max = 1'000'000) {
    return ManagerCore({.timeout = timeout, .users_max = users_max, .grain = 0us});
}

// Also of the heartbeats that wait.
std::string told(ManagerCore& core) {
    core.pass({0});
    std::string all;
    while (const auto t = core.pop())
        all += (t->online ? "+" : "-") + t->id + " ";
    return all;
}

}  // namespace

TEST_CASE("a user is offline at the microsecond when the timeout has passed", "[embed]") {
    auto core = core_with(5s);
    core.pass({7'000});
    CHECK(core.seen("alice", {}) == Seen::yes);
    CHECK(told(core) == "+alice ");
    core.pass({4'999'999});
    CHECK(told(core).empty());
    CHECK(core.is_online("alice"));
    core.pass({1});
    CHECK(told(core) == "-alice ");
    CHECK(!core.is_online("alice"));
    CHECK(!core.next_due());
}

TEST_CASE("a heartbeat at the deadline comes after the offline", "[embed]") {
    auto core = core_with(1s);
    core.seen("alice", {});
    core.pass({0});
    core.pass({1'000'000});
    core.seen("alice", {});
    CHECK(told(core) == "+alice -alice +alice ");
}

TEST_CASE("a heartbeat that waits counts at the next pass, before anyone becomes due", "[embed]") {
    auto core = core_with(1s);
    core.seen("alice", {});
    core.seen("bob", {});
    core.pass({1'000});
    core.pass({998'999});
    core.seen("alice", {});
    CHECK(core.waiting() == 1);
    core.pass({1'001});
    CHECK(core.waiting() == 0);
    CHECK(told(core) == "+alice +bob -bob ");
    core.pass({999'999});
    CHECK(core.is_online("alice"));
    core.pass({1'000});
    CHECK(told(core) == "-alice ");
}

TEST_CASE("what the clock's reader may have cut off is given back", "[embed]") {
    ManagerCore core({.timeout = 1s, .users_max = 10, .grain = 1us});
    core.pass({1'000});
    core.seen("alice", {});
    core.pass({0});
    core.pass({1'000'999});
    CHECK(told(core) == "+alice ");
    core.pass({1});
    CHECK(told(core) == "-alice ");
}

TEST_CASE("a timeout out of bounds is refused when the manager is made", "[embed]") {
    CHECK_THROWS_AS(core_with(999ms), std::invalid_argument);
    CHECK_THROWS_AS(core_with(24h + 1ms), std::invalid_argument);
    CHECK_THROWS_AS(core_with(-1s), std::invalid_argument);
    CHECK_NOTHROW(core_with(1s));
    CHECK_NOTHROW(core_with(24h));
}

TEST_CASE("a heartbeat that breaks a rule is answered with the rule", "[embed]") {
    auto core = core_with(5s);
    CHECK(core.seen("", {}) == Seen::bad_id);
    CHECK(core.seen(std::string(129, 'a'), {}) == Seen::bad_id);
    CHECK(core.seen("a\nb", {}) == Seen::bad_id);
    CHECK(core.seen("a\xff", {}) == Seen::bad_id);
    CHECK(core.seen("a", {.session = std::string(65, 's')}) == Seen::bad_session);
    CHECK(core.seen("a", {.session = "\x7f"}) == Seen::bad_session);
    CHECK(core.seen("a", {.ttl = 999ms}) == Seen::bad_ttl);
    CHECK(core.seen("a", {.ttl = -5s}) == Seen::bad_ttl);
    CHECK(core.seen("a", {.ttl = 24h + 1ms}) == Seen::bad_ttl);
    CHECK(told(core).empty());
    CHECK(core.seen(std::string(128, 'a'), {.session = std::string(64, 's'), .ttl = 24h}) ==
          Seen::yes);
    CHECK(told(core) == "+" + std::string(128, 'a') + " ");
}

TEST_CASE("beyond users_max and 16 sessions heartbeats find no room and are counted", "[embed]") {
    auto core = core_with(5s, 2);
    for (const auto* id : {"a", "b", "c", "d", "a"})
        CHECK(core.seen(id, {}) == Seen::yes);
    CHECK(told(core) == "+a +b ");
    CHECK(core.left_out().users == 2);
    for (int i = 0; i < 20; ++i)
        core.seen("a", {.session = "s" + std::to_string(i)});
    core.pass({0});
    CHECK(core.left_out().sessions == 5);  // one of the 16 has no name
    CHECK(core.leave("b", {}));
    core.seen("c", {});
    CHECK(told(core) == "-b +c ");
}

TEST_CASE("a user is online while one session lives", "[embed]") {
    auto core = core_with(5s);
    core.seen("alice", {.session = "phone"});
    core.seen("alice", {.session = "laptop", .ttl = 30s});
    core.pass({0});
    CHECK(!core.leave("alice", {.session = "tablet"}));
    CHECK(!core.leave("alice", {.session = ""}));
    CHECK(core.leave("alice", {.session = "phone"}));
    core.pass({29'999'999});
    CHECK(told(core) == "+alice ");
    core.pass({1});
    CHECK(told(core) == "-alice ");
    CHECK(!core.leave("alice", {}));
}

TEST_CASE("who left is back with their next heartbeat, also in the same session", "[embed]") {
    auto core = core_with(5s);
    for (int round = 0; round < 3; ++round) {
        core.seen("alice", {.session = "phone"});
        core.pass({0});
        CHECK(core.leave("alice", {.session = "phone"}));
        core.seen("bob", {});
        core.pass({0});
        CHECK(core.leave("bob", {}));
    }
    CHECK(told(core) == "+alice -alice +bob -bob +alice -alice +bob -bob +alice -alice +bob -bob ");
}

TEST_CASE("renewed users have their whole ttl again, though they were silent for longer",
          "[embed]") {
    const std::uint64_t silent_us = GENERATE(50, 1'200) * std::uint64_t{1'000'000};
    auto core = core_with(5s);
    core.seen("alice", {});
    core.seen("bob", {.ttl = 60s});
    core.pass({0});
    core.renew_all({silent_us});
    core.seen("carol", {});
    core.pass({0});
    core.pass({4'999'999});
    CHECK(told(core) == "+alice +bob +carol ");
    core.pass({1});
    const auto both = told(core);
    CHECK((both == "-alice -carol " || both == "-carol -alice "));
    core.pass({54'999'999});
    CHECK(told(core).empty());
    core.pass({1});
    CHECK(told(core) == "-bob ");
}

TEST_CASE("half a year and the wrap of the roster's 32 bits change nothing", "[embed]") {
    auto core = core_with(5s);
    for (int day = 0; day < 180; ++day) {
        core.seen("alice", {});
        core.seen("bob", {.ttl = 24h});
        CHECK(told(core) == (day == 0 ? "+alice +bob " : "+alice "));
        core.pass({4'999'999});
        CHECK(told(core).empty());
        core.pass({86'400'000'000 - 5'000'000});
        CHECK(told(core) == "-alice ");
    }
    core.pass({90'000'000'000'000});
    CHECK(told(core) == "-bob ");
}

TEST_CASE("a hundred thousand silent users are told in the order of their deadlines", "[embed]") {
    auto core = core_with(5s);
    constexpr int kUsers = 100'000;
    for (int u = 0; u < kUsers; ++u) {
        core.seen(std::to_string(u * 7919 % kUsers), {});
        core.pass({20});
    }
    CHECK(core.online_count() == kUsers);
    while (core.pop()) {
    }
    core.pass({60'000'000});
    CHECK(core.untold() == kUsers);
    for (int u = 0; const auto t = core.pop(); ++u) {
        // Fifty share a millisecond.
        bool near = false;
        for (int around = std::max(0, u - 50); around <= u + 50 && !near; ++around)
            near = std::to_string(around * 7919 % kUsers) == t->id;
        REQUIRE(near);
    }
    CHECK(core.untold() == 0);
}

TEST_CASE("who leaves to linger is told offline after that, unless they are back", "[embed]") {
    auto core = core_with(30s);
    for (const auto* id : {"alice", "bob", "carol"})
        core.seen(id, {.session = "tab"});
    core.pass({0});
    CHECK(core.leave("alice", {.session = "tab", .linger = 5s}));
    CHECK(core.leave("bob", {.linger = 5s}));
    CHECK(core.leave("carol", {.linger = 25h}));  // no later than without
    CHECK_FALSE(core.leave("carol", {.session = "phone", .linger = 5s}));
    CHECK(told(core) == "+alice +bob +carol ");
    core.pass({4'999'000});
    CHECK(core.is_online("alice"));
    core.seen("bob", {.session = "tab"});
    core.pass({1'000});
    CHECK(told(core) == "-alice ");
    core.pass({25'000'000});
    CHECK(told(core) == "-carol ");
    // At once, whatever was said before.
    CHECK(core.leave("bob", {.linger = 5s}));
    CHECK(core.leave("bob", {}));
    CHECK(told(core) == "-bob ");
}
