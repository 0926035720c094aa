// Which edges a collector heard, as its trackers are told.
#include <catch2/catch.hpp>

#include "tests/unit/router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

std::string from_edge(std::string_view edge, const std::vector<Heartbeat>& beats = {}) {
    return encode_heartbeats({.edge = edge, .boot = 1, .seq = 1}, beats);
}

using EdgeLeases = std::map<std::string, std::int64_t>;

// The newest that the frames tell of each edge.
EdgeLeases leases_of(const std::vector<SentFrame>& frames, std::size_t tracker = 0) {
    EdgeLeases newest;
    for (const auto& frame : frames)
        if (frame.tracker == tracker)
            for (const auto& [edge, read] : frame.leases)
                newest[edge] = std::max(newest[edge], read);
    return newest;
}

std::size_t frames_with_leases(const std::vector<SentFrame>& frames) {
    return static_cast<std::size_t>(std::count_if(
        frames.begin(), frames.end(), [](const auto& frame) { return !frame.leases.empty(); }));
}

}  // namespace

TEST_CASE("every tracker is told of every named edge that was heard, empty or not",
          "[collector][leases]") {
    Bench bench({}, {"t1", "t2"});
    bench.turns(20ms);
    const auto read = micros(bench.now + 500us);
    auto frames = bench.turn({from_edge("gw-1"), from_edge("gw-2", {{.user = "a"}}), beat("b")});
    for (auto& frame : bench.turns(600ms))
        frames.push_back(std::move(frame));
    const EdgeLeases expected{{"gw-1", read}, {"gw-2", read}};
    CHECK(leases_of(frames, 0) == expected);
    CHECK(leases_of(frames, 1) == expected);
    const auto last = std::find_if(frames.rbegin(), frames.rend(),
                                   [](const auto& frame) { return frame.tracker == 0; });
    bench.tell(bench.ack(last->header.number));
    CHECK(leases_of(bench.turns(700ms)).empty());  // nothing new
}

TEST_CASE("an edge is told at most every half second and at least so often",
          "[collector][leases]") {
    Bench bench;
    std::vector<SentFrame> frames;
    Instant oldest_told = bench.now;
    for (int turn = 0; turn < 5'000; ++turn) {
        const auto sent = bench.turn({from_edge("gw-1")});
        for (const auto& frame : sent) {
            if (!frame.leases.empty()) oldest_told = Instant{Duration{frame.leases.at("gw-1")}};
            // What is promised with a watermark: leases up to half a second and a flush before.
            CHECK(micros(frame.header.watermark) - micros(oldest_told) <= 511'000);
        }
        frames.insert(frames.end(), sent.begin(), sent.end());
        bench.tell(bench.ack(frames.empty() ? 0 : frames.back().header.number));
    }
    CHECK(frames_with_leases(frames) >= 9);
    CHECK(frames_with_leases(frames) <= 11);
}

TEST_CASE("a frame that is sent again takes the leases of then", "[collector][leases]") {
    Bench bench;
    bench.turns(100ms);
    bench.turn({from_edge("gw-1"), from_edge("gone")});
    const auto first = bench.turns(600ms);
    REQUIRE(leases_of(first).contains("gw-1"));
    const auto read = micros(bench.now + 500us);
    bench.turn({from_edge("gw-1")});

    SECTION("after a gap, at once") {
        bench.tell(bench.ack(1, true));
        const auto again = bench.turn();
        REQUIRE(again.size() > 1);
        CHECK(again[0].header.number == 2);
        CHECK(again[0].leases.at("gw-1") == read);
        CHECK(again[0].leases.contains("gone"));  // it may not have come the first time
    }
    SECTION("when nothing is acknowledged, with the probe") {
        const auto probes = bench.turns(1'200ms);
        CHECK(leases_of(probes).at("gw-1") == read);
        CHECK(probes.back().header.number == 1);
    }
}

TEST_CASE("while rows wait in the backlog leases go on", "[collector][leases]") {
    RouterOptions options;
    options.resend_bytes_max = 1;
    Bench bench(options);
    bench.turns(20ms);
    bench.turns(1'500ms);
    bench.turn({from_edge("gw-1", {{.user = "a"}})});
    REQUIRE(bench.router.counters()["backlog_rows"] == 1);
    const auto frames = bench.turns(1'500ms);
    CHECK(leases_of(frames).contains("gw-1"));
    CHECK(users_of(frames).empty());
}

TEST_CASE("the last frame tells all that was heard", "[collector][leases]") {
    Bench bench;
    bench.turn({from_edge("gw-1")});
    bench.turns(20ms);
    const auto read = micros(bench.now + 500us);
    bench.turn({from_edge("gw-1")});
    const auto last = bench.goodbye();
    REQUIRE_FALSE(last.empty());
    CHECK(last.back().header.goodbye);
    CHECK(leases_of(last).at("gw-1") == read);
}

TEST_CASE("ten thousand edges fit one frame", "[collector][leases]") {
    Bench bench;
    bench.turns(20ms);
    std::vector<std::string> messages;
    for (int n = 0; n < 10'000; ++n)
        messages.push_back(from_edge(std::to_string(10'000 + n) + std::string(59, 'e')));
    auto frames = bench.turn(messages);
    for (auto& frame : bench.turns(600ms))
        frames.push_back(std::move(frame));
    CHECK(leases_of(frames).size() == 10'000);
    CHECK(frames_with_leases(frames) == 1);
}
