#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "common/config/config.hpp"

using namespace presence;

TEST_CASE("a duration is a whole number and a unit", "[config][duration]") {
    CHECK(parse_duration("30s") == 30s);
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("2m") == 2min);
    CHECK(parse_duration("1h") == 1h);
    CHECK(parse_duration("2d") == 48h);
    CHECK(parse_duration("7us") == 7us);
    CHECK(parse_duration("0s") == 0s);
}

TEST_CASE("whatever else is no duration", "[config][duration]") {
    for (const char* text : {"", "s", "30", "-1s", "+1s", " 1s", "1s ", "1.5s", "1 s", "1S", "1sec",
                             "1m30s", "0x10s", "99999999999999999999s", "9223372036854775807ms"})
        CHECK_FALSE(parse_duration(text).has_value());
}

TEST_CASE("durations are shown in the largest unit that fits", "[config][duration]") {
    CHECK(format_duration(0s) == "0s");
    CHECK(format_duration(90s) == "90s");
    CHECK(format_duration(120s) == "2m");
    CHECK(format_duration(24h) == "24h");
    CHECK(format_duration(48h) == "2d");
    CHECK(format_duration(1500us) == "1500us");
}

TEST_CASE("every duration reads back from its text", "[config][duration]") {
    rc::prop("round trip", [] {
        const auto unit = *rc::gen::element<std::int64_t>(1, 1'000, 1'000'000, 3'600'000'000);
        const Duration d{*rc::gen::inRange<std::int64_t>(0, 1'000'000) * unit};
        RC_ASSERT(parse_duration(format_duration(d)) == d);
    });
}
