// Until when a sink knows what happened.
#include "notifier/deliver/currency.hpp"

#include <catch2/catch.hpp>

using namespace presence;
using presence::notifier::Currency;

namespace {

const WallOffset kWall{1'700'000'000s - 1'000s};
constexpr Instant at(Duration t) {
    return Instant{1'000s + t};
}

// Two trackers, and a follower that is in step.
struct Two {
    Currency currency{2};
    void turn(Duration now, std::initializer_list<std::size_t> heard) {
        for (const auto tracker : heard)
            currency.on_heard(tracker);
        currency.turn(at(now), true);
        currency.on_taken_in(kWall, true);
    }
};

}  // namespace

TEST_CASE("what is known is as old as the word of the tracker that was heard longest ago",
          "[notifier][currency]") {
    Two two;
    two.turn(1s, {0});
    CHECK(two.currency.freshness() == Freshness::warming);
    two.turn(2s, {1});
    CHECK(two.currency.freshness() == Freshness::live);
    CHECK(two.currency.as_of_ms() == 1'700'000'001'000);
    two.turn(4s, {1});
    CHECK(two.currency.freshness() == Freshness::stale);  // nobody knows of the first
    CHECK(two.currency.as_of_ms() == 1'700'000'001'000);
    two.turn(5s, {0});
    CHECK(two.currency.freshness() == Freshness::live);
    CHECK(two.currency.as_of_ms() == 1'700'000'004'000);
}

TEST_CASE("a tracker that ticks and would not know is as one that says nothing",
          "[notifier][currency]") {
    Two two;
    two.turn(1s, {0, 1});
    REQUIRE(two.currency.freshness() == Freshness::live);
    two.currency.on_tick(1, GENERATE(Freshness::frozen, Freshness::stale, Freshness::warming));
    two.turn(2s, {0, 1});
    CHECK(two.currency.freshness() == Freshness::stale);
    CHECK(two.currency.as_of_ms() == 1'700'000'001'000);
    two.currency.on_tick(0, Freshness::live);
    two.turn(3s, {0, 1});
    CHECK(two.currency.freshness() == Freshness::stale);
    two.currency.on_tick(1, Freshness::live);
    two.turn(4s, {0, 1});
    CHECK(two.currency.freshness() == Freshness::live);
    CHECK(two.currency.as_of_ms() == 1'700'000'004'000);
}
