#include "cli/health.hpp"

#include <catch2/catch.hpp>

#include "cli/bench/report.hpp"
#include "cli/human.hpp"

using namespace presence;
using namespace presence::cli;

namespace {

using Troubles = std::vector<std::string>;

StatusAnswer hearing(const std::string& state, std::int64_t lag_ms) {
    StatusAnswer status;
    status.collectors.push_back({"c1", 1, state, lag_ms});
    return status;
}

}  // namespace

TEST_CASE("a tracker with live collectors is healthy, also while it starts", "[cli][health]") {
    CHECK(troubles_of(Freshness::live, hearing("live", 12)).empty());
    CHECK(troubles_of(Freshness::warming, hearing("live", 999)).empty());
    CHECK(troubles_of(Freshness::live, hearing("departed", 5000)).empty());
}

TEST_CASE("each kind of trouble is told", "[cli][health]") {
    CHECK(troubles_of(Freshness::frozen, hearing("live", 0)) == Troubles{"is frozen"});
    CHECK(troubles_of(Freshness::stale, hearing("live", 0)) == Troubles{"is stale"});
    CHECK(troubles_of(Freshness::live, hearing("silent", 9)) == Troubles{"collector c1 is silent"});
    CHECK(troubles_of(Freshness::live, hearing("expected", -1)) ==
          Troubles{"collector c1 was never heard"});
    auto held = hearing("live", 0);
    held.holds.push_back({"edge:gw-7", "silent", 0, 0, 3});
    CHECK(troubles_of(Freshness::live, held) == Troubles{"held by edge:gw-7"});
}

TEST_CASE("a tracker whose disk fails is at fault, not the collectors that wait for it",
          "[cli][health]") {
    auto status = hearing("live", 4057);
    status.holds.push_back({"disk", "failing", 0, 0, 3});
    CHECK(troubles_of(Freshness::live, status) == Troubles{"held by disk"});
}

TEST_CASE("a collector that is seconds behind is not live", "[cli][health]") {
    CHECK(state_of({"c1", 1, "live", 1000}, {}) == "live");
    CHECK(state_of({"c1", 1, "live", 4057}, {}) == "behind");
    CHECK(state_of({"c1", 1, "live", 4057}, {{"collector:c1", "behind", 0, 0, 0}}) == "behind");
    CHECK(troubles_of(Freshness::live, hearing("live", 4057)) ==
          Troubles{"collector c1 is behind"});
}

TEST_CASE("a collector that is not heard at all is silent, as the hold says", "[cli][health]") {
    auto status = hearing("live", 4057);
    status.holds.push_back({"collector:c1", "silent", 0, 0, 0});
    CHECK(state_of(status.collectors.front(), status.holds) == "silent");
    CHECK(state_of({"c2", 1, "live", 4057}, status.holds) == "behind");
    CHECK(troubles_of(Freshness::live, status) ==
          Troubles{"collector c1 is silent", "held by collector:c1"});
}

TEST_CASE("what came from outside is no command to a terminal", "[cli][human]") {
    CHECK(printable("t1 (tcp://[::1]:7) \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80") ==
          "t1 (tcp://[::1]:7) \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
    CHECK(printable("a\x1b[31m\n\x7f") == R"(a\x1b[31m\x0a\x7f)");
    CHECK(printable("\xc2\x9b"
                    "31m \xff \xe2\x82") == R"(\xc2\x9b31m \xff \xe2\x82)");
    CHECK(printable("").empty());
}

TEST_CASE("lengths of time are told as people say them", "[cli][human]") {
    CHECK(for_people(-1s) == "0 ms");
    CHECK(for_people(999ms) == "999 ms");
    CHECK(for_people(16'999ms) == "16 s");
    CHECK(for_people(60s) == "1 min");
    CHECK(for_people(185s) == "3 min 5 s");
    CHECK(for_people(2h + 10min + 59s) == "2 h 10 min");
    CHECK(for_people(24h) == "1 d");
    CHECK(for_people(99h) == "4 d 3 h");
    CHECK(for_people(length_of_ms(61'000)) == "1 min 1 s");
    CHECK(for_people(length_between_ms(-1'000, 1'000)) == "2 s");
    CHECK(counted(1, "session") == "1 session");
    CHECK(counted(0, "session") == "0 sessions");
}

TEST_CASE("a length of time that does not fit is the longest that does", "[cli]") {
    CHECK(length_of_ms(INT64_MAX) > 365 * 24h * 100'000);
    CHECK(length_of_ms(INT64_MIN) == -length_of_ms(INT64_MAX));
    CHECK(length_between_ms(INT64_MIN, 1) == length_of_ms(INT64_MAX));
    CHECK(length_between_ms(INT64_MAX, -2) == length_of_ms(INT64_MIN));
    CHECK(for_people(length_of_ms(INT64_MAX)) == "106751991 d 4 h");
}

TEST_CASE("the progress of bench fits into its terminal", "[cli][bench]") {
    CHECK(progress_line("load", 0.5, "1000/s", 80) ==
          "load      [###############               ]  50%  1000/s");
    CHECK(progress_line("load", 1, "1000/s", 40) == "load      [######################] 100%");
    for (std::size_t columns = 0; columns < 100; ++columns)
        CHECK(progress_line("catch up", 0.3, "a long remark beside it", columns).size() <
              std::max<std::size_t>(1, columns));
}
