#include "tracker/evidence/doubts.hpp"

#include <catch2/catch.hpp>

using namespace presence::tracker;

TEST_CASE("of several sessions in doubt the longest counts, in any order",
          "[tracker][roster][doubts]") {
    Doubts doubts;
    CHECK(doubts.newest() == Doubts::kNone);
    doubts.keep(1, 100, 0);
    doubts.keep(1, 50, 0);
    doubts.keep(2, 50, 0);
    doubts.keep(2, 100, 0);
    CHECK(doubts.of(1) == 100);
    CHECK(doubts.of(2) == 100);
    CHECK(doubts.of(3) == Doubts::kNone);
    doubts.forget(1);
    CHECK(doubts.of(1) == Doubts::kNone);
    CHECK(doubts.newest() == 100);
}

TEST_CASE("doubts that are over are forgotten once there are many", "[tracker][roster][doubts]") {
    Doubts doubts;
    for (std::uint32_t user = 0; user < 2'000; ++user)
        doubts.keep(user, user, 1'000);
    CHECK(doubts.of(500) == Doubts::kNone);
    CHECK(doubts.of(1'500) == 1'500);
}
