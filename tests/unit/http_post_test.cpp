#include <catch2/catch.hpp>

#include "notifier/sinks/webhook/http_post.hpp"

using namespace presence;
using notifier::kRetryAfterMax;
using notifier::retry_after;
using notifier::without_time;

namespace {

// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
constexpr WallTime kThen{784'111'777'000ms};

}  // namespace

TEST_CASE("Retry-After is read as seconds", "[notifier][webhook]") {
    CHECK(retry_after("0", kThen) == 0s);
    CHECK(retry_after("120", kThen) == 120s);
    CHECK(retry_after("00007", kThen) == 7s);
    CHECK(retry_after("19941106", kThen) == kRetryAfterMax);  // seconds, though it could be a date
    CHECK(retry_after("99999999999999999999999", kThen) == kRetryAfterMax);
}

TEST_CASE("Retry-After is read as a date, in all three forms", "[notifier][webhook]") {
    for (const char* date : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                             "Sun Nov  6 08:49:37 1994"}) {
        INFO(date);
        CHECK(retry_after(date, kThen - 90s) == 90s);
        CHECK(retry_after(date, kThen - 1'500ms) == 1'500ms);
        CHECK(retry_after(date, kThen + 1s) == 0s);
        CHECK(retry_after(date, WallTime{}) == kRetryAfterMax);
    }
}

TEST_CASE("a Retry-After that is a date is seen from the date of the answer",
          "[notifier][webhook]") {
    const char* const value = "Sun, 06 Nov 1994 08:49:37 GMT";
    const char* const sent = "Sun, 06 Nov 1994 08:48:37 GMT";
    for (const auto ours : {kThen - 500h, kThen, kThen + 500h})
        CHECK(retry_after(value, sent, ours) == 60s);
    for (const char* none : {"", "yesterday"})
        CHECK(retry_after(value, none, kThen - 90s) == 90s);
}

TEST_CASE("what Retry-After does not allow asks for nothing", "[notifier][webhook]") {
    for (const char* value : {"", "soon", "-5", "1.5", "5 s", "Sun, 99 Foo 1994"}) {
        INFO(value);
        CHECK(retry_after(value, kThen) == 0s);
    }
}

TEST_CASE("one reason is one text, however long it took", "[notifier][webhook]") {
    CHECK(without_time("Operation timed out after 1001 milliseconds with 0 bytes received") ==
          "Operation timed out with 0 bytes received");
    CHECK(without_time("Failed to connect to x port 80 after 12 ms: Connection refused") ==
          "Failed to connect to x port 80: Connection refused");
    for (const char* text : {"", " after ", " after 5", " after ms", "refused after 3 attempts"})
        CHECK(without_time(text) == text);
}
