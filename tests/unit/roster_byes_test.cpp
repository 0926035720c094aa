#include <catch2/catch.hpp>

#include "tracker/roster/tombstones.hpp"

using namespace presence::tracker;

TEST_CASE("a bye covers heartbeats up to its memory, until event time has passed that",
          "[roster][byes]") {
    Tombstones tombstones(10, 2'000);
    const auto key = Tombstones::key(1, "edge", "session");
    CHECK_FALSE(tombstones.covering(key, 100));
    tombstones.remember(key, {100, 100});
    tombstones.remember(key, {90, 90});  // the newest counts
    CHECK(tombstones.covering(key, 2'100));
    CHECK_FALSE(tombstones.covering(key, 2'101));
    tombstones.forget_before(2'100);
    CHECK(tombstones.covering(key, 0));
    tombstones.forget_before(2'101);
    CHECK_FALSE(tombstones.covering(key, 0));
    CHECK(tombstones.empty());
}

TEST_CASE("a bye that outstays its time behind a later one covers nothing", "[roster][byes]") {
    Tombstones tombstones(10, 2'000);
    tombstones.remember(1, {5'000, 5'000});
    tombstones.remember(2, {100, 100});
    tombstones.forget_before(3'000);
    CHECK(tombstones.covering(1, 5'000));
    CHECK_FALSE(tombstones.covering(2, 100));
}

TEST_CASE("a session's newer bye stays when its older one is forgotten", "[roster][byes]") {
    Tombstones tombstones(10, 2'000);
    tombstones.remember(1, {100, 100});
    tombstones.remember(1, {4'000, 4'000});
    tombstones.forget_before(3'000);
    CHECK(tombstones.size() == 1);
    CHECK(tombstones.covering(1, 5'000));
}

TEST_CASE("beyond its size the bye told first is forgotten", "[roster][byes]") {
    Tombstones tombstones(3, 2'000);
    for (std::uint64_t key = 1; key <= 1'000; ++key) {
        tombstones.remember(key, {100, 100});
        tombstones.remember(key, {100, 100});  // takes no second place
    }
    CHECK(tombstones.size() == 3);
    CHECK_FALSE(tombstones.covering(997, 100));
    CHECK(tombstones.covering(998, 100));
    CHECK(tombstones.covering(1'000, 100));
}

TEST_CASE("sessions are told apart by user, edge and name", "[roster][byes]") {
    const auto key = Tombstones::key(1, "ab", "c");
    CHECK(key != Tombstones::key(2, "ab", "c"));
    CHECK(key != Tombstones::key(1, "a", "bc"));
    CHECK(key != Tombstones::key(1, "", "abc"));
    CHECK(key != Tombstones::key(1, "c", "ab"));
}
