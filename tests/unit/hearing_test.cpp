#include "cli/hearing.hpp"

#include <catch2/catch.hpp>

using namespace presence;
using namespace presence::cli;

namespace {
const Instant kStart{1h};
}

TEST_CASE("a tracker that falls silent is told once, and once that it is back", "[cli][hearing]") {
    Hearing hearing(2, kStart);
    hearing.on_message(0, kStart + 1s);
    hearing.on_message(1, kStart + 1s);
    CHECK(hearing.tell(kStart + 3900ms).empty());
    hearing.on_message(0, kStart + 3900ms);
    CHECK(hearing.next_wakeup() == kStart + 4s);
    auto news = hearing.tell(kStart + 4s);
    REQUIRE(news.size() == 1);
    CHECK(news[0].tracker == 1);
    CHECK(news[0].silent);
    CHECK(hearing.tell(kStart + 5s).empty());

    hearing.on_message(1, kStart + 6s);
    hearing.on_message(1, kStart + 6s);
    news = hearing.tell(kStart + 6s);
    REQUIRE(news.size() == 1);
    CHECK_FALSE(news[0].silent);
    CHECK(news[0].silence == 5s);
    CHECK(hearing.tell(kStart + 6s).empty());
    CHECK(hearing.missed());
}

TEST_CASE("a pause of the listener is nobody's silence", "[cli][hearing]") {
    Hearing hearing(1, kStart);
    // What waited in the socket is handed over first.
    hearing.on_message(0, kStart + 1h);
    CHECK(hearing.tell(kStart + 1h).empty());
    CHECK_FALSE(hearing.missed());
}

TEST_CASE("one that was never heard is told too", "[cli][hearing]") {
    Hearing hearing(1, kStart);
    const auto news = hearing.tell(kStart + Hearing::kSilent);
    REQUIRE(news.size() == 1);
    CHECK(news[0].silent);
}
