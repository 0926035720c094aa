#include <stdlib.h>
#include <time.h>

#include <catch2/catch.hpp>

#include "common/io/event_text.hpp"

using namespace presence;

TEST_CASE("a line for people", "[io][text]") {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    Event event;
    event.user = "alice";
    event.reason = "heartbeat";
    event.at_ms = 50'595'123;
    CHECK(io::text_line(event) == "14:03:15.123  online   alice  heartbeat");
    event.state = State::offline;
    event.reason = "timeout";
    event.status = "away";
    event.freshness = Freshness::stale;
    CHECK(io::text_line(event) == "14:03:15.123  offline  alice  timeout  status=away  stale");
}
