#include "cli/bench/truth.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "cli/bench/percentiles.hpp"

using namespace presence;
using namespace presence::cli;

namespace {

Instant at(std::int64_t ms) {
    return Instant{std::chrono::milliseconds{ms}};
}

// Two groups, of users 0 to 1 and 2 to 4; ttl 1 s.
struct Load {
    BenchTruth truth{"b:", {0, 2, 5}, 1s};

    void tell(std::uint32_t user, State state, std::int64_t ms) {
        Event event;
        event.user = BenchTruth::id_of("b:", user);
        event.state = state;
        truth.on_event(event, at(ms));
    }
};

}  // namespace

TEST_CASE("a load that is told right has no fault and nothing missing", "[cli][bench]") {
    Load load;
    load.truth.on_sent(0, at(0));
    load.tell(0, State::online, 5);
    load.tell(1, State::online, 5);
    CHECK(load.truth.online() == 2);
    CHECK(load.truth.missing(at(500), 200ms) == 0);
    load.tell(0, State::offline, 1010);
    load.tell(1, State::offline, 1040);
    CHECK(load.truth.missing(at(2000), 200ms) == 0);
    CHECK(load.truth.faults().total() == 0);
    CHECK(load.truth.take_lateness() == std::vector<Duration>{10ms, 40ms});
    CHECK(load.truth.take_lateness().empty());
    CHECK(load.truth.transitions() == 4);
}

TEST_CASE("an offline before the last send + ttl is a false one", "[cli][bench]") {
    Load load;
    load.truth.on_sent(1, at(0));
    load.tell(2, State::online, 5);
    load.truth.on_sent(1, at(600));
    load.tell(2, State::offline, 1599);
    CHECK(load.truth.faults().early == 1);
    CHECK(load.truth.take_lateness().empty());
}

TEST_CASE("a group that said bye is offline from then on", "[cli][bench]") {
    Load load;
    load.truth.on_sent(0, at(0));
    load.tell(0, State::online, 5);
    load.tell(1, State::online, 5);
    load.truth.on_bye(0, at(100));
    CHECK(load.truth.missing(at(250), 200ms) == 0);
    load.tell(0, State::offline, 120);
    CHECK(load.truth.missing(at(350), 200ms) == 1);
    load.tell(1, State::offline, 360);
    CHECK(load.truth.missing(at(350), 200ms) == 0);
    CHECK(load.truth.take_lateness() == std::vector<Duration>{20ms, 260ms});
    load.truth.on_sent(0, at(400));
    load.tell(0, State::online, 405);
    CHECK(load.truth.faults().total() == 0);
    load.tell(0, State::offline, 410);
    CHECK(load.truth.faults().early == 1);
}

TEST_CASE("an offline that was due before the group came back is right", "[cli][bench]") {
    Load load;
    load.truth.on_sent(1, at(0));
    load.tell(2, State::online, 5);
    load.truth.on_sent(1, at(1500));
    load.tell(2, State::offline, 1501);
    CHECK(load.truth.faults().total() == 0);
    CHECK(load.truth.take_lateness() == std::vector<Duration>{501ms});
}

TEST_CASE("what was told before, or of nobody we sent, is a fault; others' users are not ours",
          "[cli][bench]") {
    Load load;
    load.tell(0, State::online, 5);
    load.tell(7, State::online, 5);
    CHECK(load.truth.faults().unknown == 2);
    load.truth.on_sent(0, at(10));
    load.tell(0, State::offline, 15);
    CHECK(load.truth.faults().repeated == 1);
    Event other;
    other.user = "alice";
    load.truth.on_event(other, at(20));
    CHECK(load.truth.faults().total() == 3);
    CHECK(load.truth.transitions() == 3);
}

TEST_CASE("who beats but was not told online, or is silent but was not told offline, is missing",
          "[cli][bench]") {
    Load load;
    load.truth.on_sent(0, at(0));
    load.truth.on_sent(1, at(0));
    load.tell(3, State::online, 5);
    CHECK(load.truth.missing(at(500), 200ms) == 4);
    CHECK(load.truth.missing(at(1000), 200ms) == 0);
    CHECK(load.truth.missing(at(1200), 200ms) == 1);
}

TEST_CASE("a percentile is the smallest value that so many do not exceed", "[cli][bench]") {
    std::vector<int> values{5, 1, 4, 2, 3};
    CHECK(percentile(values, 50) == 3);
    CHECK(percentile(values, 100) == 5);
    CHECK(percentile(values, 1) == 1);
    std::vector<int> fourteen_of_25(25, 1);
    std::fill_n(fourteen_of_25.begin(), 14, 0);
    CHECK(percentile(fourteen_of_25, 56) == 0);
    CHECK(percentile(fourteen_of_25, 57) == 1);
    rc::prop("as counted", [](const std::vector<int>& given) {
        RC_PRE(!given.empty());
        const auto percent = *rc::gen::inRange(1, 101);
        auto copy = given;
        const auto found = percentile(copy, percent);
        const auto reach = [&](int limit) {
            return 100 * std::count_if(given.begin(), given.end(),
                                       [&](int v) { return v <= limit; }) >=
                   percent * static_cast<std::ptrdiff_t>(given.size());
        };
        RC_ASSERT(reach(found));
        for (const int smaller : given)
            if (smaller < found) RC_ASSERT(!reach(smaller));
    });
}
