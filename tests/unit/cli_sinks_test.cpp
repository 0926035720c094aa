#include <catch2/catch.hpp>

#include "cli/sinks.hpp"

using namespace presence;
using cli::health_of;
using cli::trouble_of;

TEST_CASE("how a sink is, in a line", "[cli][sinks]") {
    constexpr std::int64_t kNow = 1'000'000;
    SinksAnswer::Sink sink{"hook", "webhook", "ok"};
    CHECK(health_of(sink, kNow) == "is ok; not told everything yet");
    sink.told_until_ms = kNow - 400;
    CHECK(health_of(sink, kNow) == "is ok; told everything until 400 ms ago");
    sink.state = "failing";
    sink.reason = "http://hook answered 500";
    sink.since_ms = kNow - 180'000;
    sink.told_until_ms = kNow - 181'000;
    sink.numbers = {{"delivered", 9}, {"waiting", 812}, {"aside", 0}, {"dead_letters", 3}};
    CHECK(health_of(sink, kNow) ==
          "fails for 3 min: http://hook answered 500; 812 wait; 3 dead letters; told everything "
          "until 3 min 1 s ago");
}

TEST_CASE("what is wrong with a sink, if anything is", "[cli][sinks]") {
    SinksAnswer::Sink sink{"hook", "webhook"};
    for (const char* state : {"ok", "catching_up", "refilling"}) {
        sink.state = state;
        CHECK(trouble_of(sink).empty());
    }
    for (const char* state : {"behind", "hanging", "failing", "refusing", "gone"}) {
        sink.state = state;
        CHECK_THAT(trouble_of(sink), Catch::StartsWith("sink hook "));
    }
    sink.reason = "no such directory";
    sink.state = "not_opened";
    CHECK(trouble_of(sink) == "sink hook cannot be opened: no such directory");
    sink.state = "of_a_newer_version";
    CHECK(trouble_of(sink) == "sink hook of_a_newer_version: no such directory");
}
