#include "common/throttle.hpp"

#include <catch2/catch.hpp>

namespace presence {
namespace {

constexpr Instant kStart{1h};

}  // namespace

TEST_CASE("A throttle lets the first through, and then one an interval", "[throttle]") {
    Throttle throttle(10s);
    CHECK(throttle.take(kStart));
    CHECK_FALSE(throttle.take(kStart));
    CHECK_FALSE(throttle.take(kStart + 10s - 1us));
    CHECK(throttle.take(kStart + 10s));
    CHECK_FALSE(throttle.take(kStart + 20s - 1us));
    CHECK(throttle.take(kStart + 25s));
    CHECK(throttle.next() == kStart + 35s);  // from when it was, not from when it might have been
}

TEST_CASE("A throttle tells once how many it left out", "[throttle]") {
    Throttle throttle(10s);
    CHECK(throttle.take(kStart));
    CHECK(throttle.take_left_out() == 0);
    for (int i = 0; i < 3; ++i)
        CHECK_FALSE(throttle.take(kStart + 1s));
    CHECK(throttle.take(kStart + 10s));
    CHECK(throttle.take_left_out() == 3);
    CHECK(throttle.take_left_out() == 0);
}

TEST_CASE("A throttle that is only asked lets the next through", "[throttle]") {
    Throttle throttle(10s);
    CHECK(throttle.due(kStart));
    CHECK(throttle.due(kStart));
    throttle.spend(kStart);
    CHECK_FALSE(throttle.due(kStart + 9s));
    CHECK(throttle.due(kStart + 10s));
    CHECK(throttle.take_left_out() == 0);
}

TEST_CASE("A throttle that is reset says whether anything was let through", "[throttle]") {
    Throttle throttle(10s);
    CHECK_FALSE(throttle.reset());
    CHECK(throttle.take(kStart));
    CHECK(throttle.reset());
    CHECK_FALSE(throttle.reset());
    CHECK(throttle.take(kStart + 1s));
}

}  // namespace presence
