#include "tracker/evidence/edge_leases.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace presence::tracker;
using Kind = EdgeLeases::Verdict::Kind;

namespace {

constexpr EdgeIndex kEdge = kOtherEdge + 1;
constexpr std::uint32_t kTtl = 30'000;

// Known since 0 and heard each second until then, with the default bounds: 3 s, 30 s, 10 min.
EdgeLeases leases(Tick heard_until = 0) {
    EdgeLeases all({});
    all.begin(kEdge, 0);
    for (Tick t = 0; t <= heard_until; t += 1'000)
        all.on_heard(kEdge, t);
    return all;
}

// Of a session that nothing else bounds.
EdgeLeases::Verdict judge(const EdgeLeases& leases, EdgeIndex edge, Tick began, std::uint32_t ttl,
                          Tick event_time) {
    return leases.judge(edge, began, ttl, std::numeric_limits<Tick>::max(), event_time);
}

}  // namespace

TEST_CASE("while its edge speaks a session ends when it is due", "[tracker][leases]") {
    auto all = leases(28'000);
    CHECK_FALSE(all.silent(kEdge, 31'000));
    const auto verdict = judge(all, kEdge, 0, kTtl, 30'001);
    CHECK(verdict.kind == Kind::ended);
    CHECK(verdict.at == 30'000);
    // Also if event time comes by only when the edge has fallen silent since.
    CHECK(judge(all, kEdge, 0, kTtl, 40'000).kind == Kind::ended);
    // Due within the timeout after the last word: nothing was amiss then.
    CHECK(judge(all, kEdge, 1'000, kTtl, 40'000).kind == Kind::ended);
    CHECK(judge(all, kEdge, 1'001, kTtl, 40'000).kind == Kind::lives);
}

TEST_CASE("a session of a silent edge is held until timeout + grace, and then lost",
          "[tracker][leases]") {
    auto all = leases(10'000);
    CHECK_FALSE(all.silent(kEdge, 13'000));
    CHECK(all.silent(kEdge, 13'001));
    CHECK(all.silence(kEdge).since == 10'000);
    CHECK(all.silence(kEdge).until == 43'000);
    CHECK(judge(all, kEdge, 0, kTtl, 30'001).kind == Kind::lives);
    CHECK(judge(all, kEdge, 0, kTtl, 43'000).kind == Kind::lives);
    const auto verdict = judge(all, kEdge, 0, kTtl, 43'001);
    CHECK(verdict.kind == Kind::lost);
    CHECK(verdict.at == 43'001);
}

TEST_CASE("an edge that is heard again moved its sessions' deadlines by its silence",
          "[tracker][leases]") {
    auto all = leases(10'000);
    all.on_heard(kEdge, 30'000);
    const auto verdict = judge(all, kEdge, 0, kTtl, 30'001);
    CHECK(verdict.kind == Kind::lives);
    CHECK(verdict.at == 50'000);
    for (Tick t = 31'000; t <= 60'000; t += 1'000)
        all.on_heard(kEdge, t);
    // Who was heard within it: only the rest of it counts. After it: nothing of it.
    CHECK(judge(all, kEdge, 20'000, kTtl, 60'001).kind == Kind::ended);
    CHECK(judge(all, kEdge, 20'000, kTtl, 60'001).at == 60'000);
    CHECK(judge(all, kEdge, 30'000, kTtl, 60'001).at == 60'000);
}

TEST_CASE("a hold is looked at again before anything can have changed", "[tracker][leases]") {
    CHECK(judge(leases(10'000), kEdge, 0, kTtl, 30'001).at == 43'000);
    CHECK(judge(leases(25'000), kEdge, 0, kTtl, 30'001).at == 30'000 + 5'001);
    for (Tick event_time = 30'001; event_time <= 43'000; event_time += 500) {
        auto all = leases(10'000);
        const auto held = judge(all, kEdge, 0, kTtl, event_time);
        REQUIRE(held.kind == Kind::lives);
        CHECK(held.at >= event_time);
        all.on_heard(kEdge, event_time);  // at once
        const auto verdict = judge(all, kEdge, 0, kTtl, event_time);
        CHECK(verdict.kind == Kind::lives);
        CHECK(verdict.at >= held.at);
    }
}

TEST_CASE("short ttls, the unnamed edge and held placeholders have no lease", "[tracker][leases]") {
    auto all = leases();
    CHECK(judge(all, kEdge, 0, 5'999, 6'500).kind == Kind::ended);
    CHECK(judge(all, kEdge, 0, 6'000, 6'500).kind == Kind::lives);
    CHECK(judge(all, kUnnamedEdge, 0, kTtl, 31'000).kind == Kind::ended);
    CHECK(judge(all, kHeldEdge, 0, kTtl, 31'000).kind == Kind::ended);
    CHECK_FALSE(all.silent(kUnnamedEdge, 100'000));
}

TEST_CASE("an edge of which nothing was heard holds nobody", "[tracker][leases]") {
    const auto all = leases(1'000);
    for (const EdgeIndex edge : {EdgeIndex{kEdge + 1}, EdgeIndex{kEdge + 40}}) {
        CHECK_FALSE(all.silent(edge, 60'000));
        CHECK(all.deadline(edge, 0, kTtl) == kTtl);
        CHECK(judge(all, edge, 0, kTtl, 40'000).kind == Kind::ended);
    }
}

TEST_CASE("an edge that comes and goes holds a session to its bound at most", "[tracker][leases]") {
    auto all = leases();
    // Silent for 9 s, then one word, and so on, for a user who left at 0.
    constexpr Tick kBound = 660'000;
    Tick now = 0;
    auto verdict = all.judge(kEdge, 0, kTtl, kBound, 30'001);
    for (; verdict.kind == Kind::lives && now < 7'200'000; now += 9'000) {
        CHECK(verdict.at <= kBound);
        all.on_heard(kEdge, now + 9'000);
        verdict = all.judge(kEdge, 0, kTtl, kBound, now + 39'001);
    }
    CHECK(verdict.kind == Kind::ended);
    CHECK(verdict.at == kBound);
    CHECK(verdict.cut);
    CHECK(now + 30'000 <= kBound + 9'000);
    // Also while it is silent.
    CHECK(all.judge(kEdge, 0, kTtl, now + 15'000, now + 15'001).at == now + 15'000);
    // Who ends by themselves, or with their edge, does not end by it.
    CHECK_FALSE(leases(28'000).judge(kEdge, 0, kTtl, kBound, 30'001).cut);
    CHECK_FALSE(leases(10'000).judge(kEdge, 0, kTtl, kBound, 43'001).cut);

    // Another edge that takes its index begins anew.
    all.begin(kEdge, now);
    CHECK(all.silence(kEdge).until == now + 33'000);
}

TEST_CASE("when words of edges may be missing none counts as silent since before",
          "[tracker][leases]") {
    auto all = leases();
    all.lift(20'000);
    CHECK_FALSE(all.silent(kEdge, 23'000));
    CHECK(all.silence(kEdge).until == 53'000);
    all.on_heard(kEdge, 21'000);
    CHECK(all.silence(kEdge).since == 21'000);
    all.begin(kEdge + 1, 5'000);
    CHECK_FALSE(all.silent(kEdge + 1, 22'000));
}

TEST_CASE("words out of order, and known ones, change nothing", "[tracker][leases]") {
    auto all = leases(10'000);
    all.on_heard(kEdge, 4'000);
    all.on_heard(kEdge, 10'000);
    CHECK(all.silence(kEdge).since == 10'000);
    CHECK(judge(all, kEdge, 0, kTtl, 30'001).at == std::min<Tick>(43'000, 30'000 + 20'001));
}
