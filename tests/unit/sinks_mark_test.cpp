#include <catch2/catch.hpp>

#include "notifier/sinks/mark.hpp"

using namespace presence::notifier;
using Catch::Matchers::Contains;

TEST_CASE("a mark is a text and back, and nothing else is", "[notifier][mark]") {
    for (const auto& mark : {Mark{}, Mark{7, 9, true}, Mark{~0ull, ~0ull, false}})
        CHECK(parse_mark(text_of(mark)) == mark);
    for (const char* text : {"", "1", "1:2", "1:2:", "1:2:2", "1:2:1x", "a:2:1", "1:-2:1", ":2:1",
                             "1::1", " 1:2:1", "99999999999999999999:1:1"})
        CHECK_FALSE(parse_mark(text));
}

TEST_CASE("a place that holds what it took is not refilled", "[notifier][mark]") {
    const Mark kept{7, 5, true};
    CHECK(why_refill(Mark{7, 5, true}, kept).empty());
    CHECK(why_refill(Mark{7, 6, true}, kept).empty());  // of the last one nobody heard
}

TEST_CASE("a place that lost what it took is refilled, and so is another one", "[notifier][mark]") {
    const Mark kept{7, 5, true};
    CHECK_THAT(why_refill(std::nullopt, kept), Contains("no mark"));
    CHECK_THAT(why_refill(Mark{8, 5, true}, kept), Contains("another sink"));
    CHECK_THAT(why_refill(Mark{7, 4, true}, kept), Contains("lost what it took last"));
    CHECK_THAT(why_refill(Mark{7, 7, true}, kept), Contains("no longer knows"));
    CHECK_THAT(why_refill(Mark{7, 5, false}, kept), Contains("not refilled to the end"));
    CHECK_THAT(why_refill(std::nullopt, Mark{7, 0, true}), Contains("no mark"));  // the first start
}
