// How fast those may go who are told one after another.
#include "tracker/roster/rate_limit.hpp"

#include <catch2/catch.hpp>

using namespace presence::tracker;

TEST_CASE("a tenth of a second's may pass at once, then as many as the rate", "[roster][pacer]") {
    RateLimit pacer(100);
    int passed = 0;
    for (int i = 0; i < 100; ++i)
        passed += pacer.take(1'000);
    CHECK(passed == 10);
    CHECK_FALSE(pacer.take(1'009));
    CHECK(pacer.take(1'010));
    CHECK_FALSE(pacer.take(1'010));
    for (Tick now = 1'011; now < 2'011; ++now)
        passed += pacer.take(now);
    CHECK(passed == 10 + 100);
}

TEST_CASE("who may not pass is told a turn of their own", "[roster][pacer]") {
    RateLimit pacer(100);
    while (pacer.take(1'000)) {
    }
    // The tenth has token and turn at 1,100: turns begin behind all that was taken.
    const auto first = pacer.turn(1'000);
    CHECK(first > 1'000);
    CHECK(pacer.turn(1'000) == first + 10);
    CHECK(pacer.turn(1'005) == first + 20);
    CHECK(pacer.turn(9'000) == 9'010);
    CHECK(pacer.turn(9'000) == 9'020);
    CHECK(pacer.take(first));
}

TEST_CASE("a turn is the whole millisecond at which there surely is a token", "[roster][pacer]") {
    RateLimit pacer(3);  // one each 333.3 ms
    REQUIRE(pacer.take(1'000));
    CHECK_FALSE(pacer.take(1'333));
    CHECK(pacer.turn(1'000) == 1'667);
    CHECK(pacer.turn(1'000) == 2'000);
    CHECK(pacer.take(1'334));
}

TEST_CASE("a slow pace still goes on, and no rate is one a second", "[roster][pacer]") {
    for (const std::uint64_t rate : {0u, 1u}) {
        RateLimit pacer(rate);
        CHECK(pacer.take(5'000));
        CHECK_FALSE(pacer.take(5'999));
        CHECK(pacer.take(6'000));
    }
}
