#include "common/clocks/clock_map.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <cstdint>

using namespace presence;

namespace {

Instant at(std::int64_t us) {
    return Instant{Duration{us}};
}
PeerInstant peer(std::int64_t us) {
    return PeerInstant{Duration{us}};
}
constexpr std::int64_t kSecond = 1'000'000;

}  // namespace

TEST_CASE("the smallest difference of the last minute is kept", "[clock]") {
    OffsetFilter smallest;
    CHECK_FALSE(smallest.value(at(0)));
    smallest.sample(at(0), 50ms);
    smallest.sample(at(1), 20ms);
    smallest.sample(at(2), 30ms);
    const auto value = smallest.value(at(2));
    REQUIRE(value);
    CHECK(*value >= 20ms);
    CHECK(*value <= 20ms + 2us);
}

TEST_CASE("a sample says less as it ages, and nothing after a window", "[clock]") {
    OffsetFilter smallest;
    smallest.sample(at(0), 20ms);
    CHECK(smallest.value(at(10 * kSecond)) == 20ms + 5ms);
    CHECK_FALSE(smallest.value(at(60 * kSecond)));
    smallest.sample(at(61 * kSecond), 90ms);
    CHECK(smallest.value(at(61 * kSecond)) == 90ms);
}

TEST_CASE("a clock that jumped is followed after a window at the latest", "[clock]") {
    OffsetFilter smallest;
    std::int64_t t = 0;
    for (; t < 30 * kSecond; t += kSecond)
        smallest.sample(at(t), 10ms);
    for (; t < 91 * kSecond; t += kSecond)
        smallest.sample(at(t), 5s);
    CHECK(smallest.value(at(t)) >= 5s);
}

TEST_CASE("nothing is known of a peer's clock before its messages", "[clock]") {
    ClockMap map;
    CHECK_FALSE(map.latest(at(0), peer(0)));
    CHECK_FALSE(map.earliest(at(0), peer(0)));
    map.on_message(at(100), peer(1'000));
    CHECK(map.latest(at(100), peer(1'000)) == at(100));
    CHECK_FALSE(map.earliest(at(100), peer(1'000)));
    map.on_echo(at(100), at(90), peer(995));
    REQUIRE(map.earliest(at(100), peer(995)));
    CHECK(*map.earliest(at(100), peer(995)) <= at(90));
    CHECK(*map.earliest(at(100), peer(995)) >= at(85));
}

TEST_CASE("bounds that cross are both forgotten", "[clock]") {
    ClockMap map;
    map.on_message(at(100), peer(1'000));
    CHECK_FALSE(map.take_jump());
    map.on_echo(at(200), at(150), peer(1'000));
    CHECK_FALSE(map.latest(at(200), peer(1'000)));
    CHECK_FALSE(map.earliest(at(200), peer(1'000)));
    CHECK_FALSE(map.take_jump());  // as little as a clock that is slewed
}

TEST_CASE("a clock that stood still is told once, however long it did", "[clock]") {
    const auto still = GENERATE(150'000, 1 * kSecond, 45 * kSecond, 90 * kSecond, 600 * kSecond);
    const bool ours = GENERATE(false, true);
    CAPTURE(still, ours);
    ClockMap map;
    std::int64_t truth = 0;
    std::int64_t stood = 0;
    const auto exchange = [&] {
        truth += 10'000;
        const auto here = [&](std::int64_t t) { return at(t - (ours ? stood : 0)); };
        const auto there = [&](std::int64_t t) { return peer(5'000 + t - (ours ? 0 : stood)); };
        map.on_message(here(truth), there(truth - 1'000));
        map.on_echo(here(truth), here(truth - 3'000), there(truth - 2'000));
        return map.take_jump();
    };
    // For long enough to have half forgotten the first.
    for (int n = 0; n < 4'000; ++n)
        REQUIRE_FALSE(exchange());
    truth += still;
    stood = still;
    CHECK(exchange());
    for (int n = 0; n < 100; ++n)
        REQUIRE_FALSE(exchange());
}

TEST_CASE("a silence or a slewed clock is no jump", "[clock]") {
    ClockMap map;
    const auto ppm = GENERATE(-6'250, -600, 0, 600, 6'250);
    const auto clock = [&](std::int64_t t) { return peer(5'000 + t + t * ppm / 1'000'000); };
    std::int64_t t = 0;
    for (const std::int64_t gap : {10'000, 10'000, 1'000'000, 10'000})
        for (int n = 0; n < 200; ++n) {
            t += gap;
            map.on_message(at(t), clock(t - 1'000));
            map.on_echo(at(t), at(t - 3'000), clock(t - 2'000));
            REQUIRE_FALSE(map.take_jump());
        }
    if (ppm != 0) return;
    t += 300 * kSecond;
    map.on_message(at(t), clock(t - 1'000));
    map.on_echo(at(t), at(t - 3'000), clock(t - 2'000));
    CHECK_FALSE(map.take_jump());
}

TEST_CASE("the interval always holds the truth", "[clock]") {
    rc::prop("asymmetric delays, drift up to 500 ppm", [] {
        const auto drift_ppm = *rc::gen::inRange<std::int64_t>(-490, 491);
        const auto offset = *rc::gen::inRange<std::int64_t>(-1'000'000 * kSecond, 0);
        const auto peer_clock = [&](std::int64_t t) {
            return offset + t + t * drift_ppm / 1'000'000;
        };
        const auto delay_there_max = *rc::gen::element<std::int64_t>(10, 5'000, 3 * kSecond);
        const auto delay_back_max = *rc::gen::element<std::int64_t>(10, 5'000, 3 * kSecond);
        const auto gap_max = *rc::gen::element<std::int64_t>(20'000, 2 * kSecond, 50 * kSecond);
        ClockMap map;
        std::int64_t now = 0;
        const auto steps = *rc::gen::inRange(1, 60);
        for (int step = 0; step < steps; ++step) {
            const auto sent = now + *rc::gen::inRange<std::int64_t>(0, gap_max);
            const auto there = sent + *rc::gen::inRange<std::int64_t>(0, delay_there_max);
            now = there + *rc::gen::inRange<std::int64_t>(0, delay_back_max);
            map.on_message(at(now), peer(peer_clock(there)));
            if (*rc::gen::arbitrary<bool>())
                map.on_echo(at(now), at(sent), peer(peer_clock(there)));
            // A stamp of the peer from the last minute; its clock's rounding is good for a
            // microsecond.
            const auto truth = now - *rc::gen::inRange<std::int64_t>(0, 60 * kSecond);
            const auto stamp = peer(peer_clock(truth));
            const auto slack = 2;
            if (const auto latest = map.latest(at(now), stamp))
                RC_ASSERT(micros(*latest) >= truth - slack);
            if (const auto earliest = map.earliest(at(now), stamp))
                RC_ASSERT(micros(*earliest) <= truth + slack);
            if (map.latest(at(now), stamp) && map.earliest(at(now), stamp))
                RC_ASSERT(*map.earliest(at(now), stamp) <= *map.latest(at(now), stamp));
        }
    });
}
