#include "tracker/evidence/doubts.hpp"

#include <catch2/catch.hpp>

using namespace presence::tracker;

TEST_CASE("of several sessions in doubt the longest counts, in any order",
          "[tracker][roster][doubts]") {
    Doubts doubts;
    doubts.keep(1, 100, 10, 0);
    doubts.keep(1, 50, 10, 0);
    doubts.keep(2, 50, 10, 0);
    doubts.keep(2, 100, 10, 0);
    CHECK(doubts.of(1) == 100);
    CHECK(doubts.of(2) == 100);
    CHECK(doubts.of(3) == Doubts::kNone);
    doubts.forget(1);
    CHECK(doubts.of(1) == Doubts::kNone);
}

TEST_CASE("a doubt stays open until the evidence is here, and then lasts as the session would",
          "[tracker][roster][doubts]") {
    Doubts doubts;
    doubts.keep(1, Doubts::kOpen, 10, 0);
    doubts.keep(2, 50, 30, 0);
    doubts.lift(400, 40);
    CHECK(doubts.of(1) == Doubts::kOpen);
    CHECK(doubts.of(2) == 430);
    doubts.close(500);
    CHECK(doubts.of(1) == 510);
    CHECK(doubts.of(2) == 430);
    doubts.lift(505, 430);  // that of 2 is over
    CHECK(doubts.of(1) == 515);
    CHECK(doubts.of(2) == 430);
}

TEST_CASE("doubts that are over are forgotten once there are many", "[tracker][roster][doubts]") {
    Doubts doubts;
    for (std::uint32_t user = 0; user < 2'000; ++user)
        doubts.keep(user, user, 10, 1'000);
    CHECK(doubts.of(500) == Doubts::kNone);
    CHECK(doubts.of(1'500) == 1'500);
}
