#include "tracker/evidence/doubts.hpp"

#include <catch2/catch.hpp>

using namespace presence::tracker;

TEST_CASE("only who was read before a lift was refused may have been swallowed since",
          "[tracker][roster][doubts]") {
    Doubts doubts;
    CHECK(doubts.until(0, 30) == Doubts::kNone);
    doubts.refuse(100, 90);
    CHECK(doubts.until(99, 30) == 130);
    CHECK(doubts.until(100, 30) == Doubts::kNone);
}

TEST_CASE("of several sessions in doubt the longest counts, in any order",
          "[tracker][roster][doubts]") {
    Doubts doubts;
    doubts.keep(1, 100);
    doubts.keep(1, 50);
    doubts.keep(2, 50);
    doubts.keep(2, 100);
    doubts.keep(3, Doubts::kNone);
    CHECK(doubts.of(1) == 100);
    CHECK(doubts.of(2) == 100);
    CHECK(doubts.of(3) == Doubts::kNone);
    doubts.forget(1);
    CHECK(doubts.of(1) == Doubts::kNone);
}

TEST_CASE("a doubt that is over is forgotten with the next", "[tracker][roster][doubts]") {
    Doubts doubts;
    doubts.keep(1, 100);
    doubts.keep(2, 200);
    doubts.refuse(150, 99);
    CHECK(doubts.of(1) == 100);
    doubts.refuse(150, 100);
    CHECK(doubts.of(1) == Doubts::kNone);
    CHECK(doubts.of(2) == 200);
}
