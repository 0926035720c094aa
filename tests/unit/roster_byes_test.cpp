#include <catch2/catch.hpp>

#include "tracker/roster/tombstones.hpp"

using namespace presence::tracker;

TEST_CASE("a bye covers heartbeats up to its memory, until event time has passed that",
          "[roster][byes]") {
    Byes byes(10, 2'000);
    const auto key = Byes::key(1, "edge", "session");
    CHECK_FALSE(byes.cover(key, 100));
    byes.remember(key, 100);
    byes.remember(key, 90);  // the newest counts
    CHECK(byes.cover(key, 2'100));
    CHECK_FALSE(byes.cover(key, 2'101));
    byes.forget_before(2'100);
    CHECK(byes.cover(key, 0));
    byes.forget_before(2'101);
    CHECK_FALSE(byes.cover(key, 0));
    CHECK(byes.empty());
}

TEST_CASE("a bye that outstays its time behind a later one covers nothing", "[roster][byes]") {
    Byes byes(10, 2'000);
    byes.remember(1, 5'000);
    byes.remember(2, 100);
    byes.forget_before(3'000);
    CHECK(byes.cover(1, 5'000));
    CHECK_FALSE(byes.cover(2, 100));
}

TEST_CASE("a session's newer bye stays when its older one is forgotten", "[roster][byes]") {
    Byes byes(10, 2'000);
    byes.remember(1, 100);
    byes.remember(1, 4'000);
    byes.forget_before(3'000);
    CHECK(byes.size() == 1);
    CHECK(byes.cover(1, 5'000));
}

TEST_CASE("beyond its size the bye told first is forgotten", "[roster][byes]") {
    Byes byes(3, 2'000);
    for (std::uint64_t key = 1; key <= 1'000; ++key) {
        byes.remember(key, 100);
        byes.remember(key, 100);  // takes no second place
    }
    CHECK(byes.size() == 3);
    CHECK_FALSE(byes.cover(997, 100));
    CHECK(byes.cover(998, 100));
    CHECK(byes.cover(1'000, 100));
}

TEST_CASE("sessions are told apart by user, edge and name", "[roster][byes]") {
    const auto key = Byes::key(1, "ab", "c");
    CHECK(key != Byes::key(2, "ab", "c"));
    CHECK(key != Byes::key(1, "a", "bc"));
    CHECK(key != Byes::key(1, "", "abc"));
    CHECK(key != Byes::key(1, "c", "ab"));
}
