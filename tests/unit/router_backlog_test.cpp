#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <map>

#include "collector/compacted_queue.hpp"
#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

using Users = std::vector<std::string>;

// Room for a few frames only.
RouterOptions small() {
    RouterOptions options;
    options.resend_bytes_max = 1'000;
    options.backlog_max = 4;
    return options;
}

// Acknowledges everything until nothing more comes; what was sent meanwhile.
std::vector<SentFrame> catch_up(Bench& bench, std::uint64_t applied) {
    std::vector<SentFrame> all;
    for (int i = 0; i < 40; ++i) {
        bench.tell(bench.ack(applied));
        for (auto& frame : bench.turns(10ms)) {
            applied = std::max(applied, frame.header.number);
            all.push_back(std::move(frame));
        }
    }
    return all;
}

// Keeps the tracker away until new rows go to the backlog; then the watermark stands.
void fill(Bench& bench) {
    bench.turn({beat("first")});
    while (bench.router.counters()["backlog_rows"] == 0 && bench.now < Instant{1'002s})
        bench.turn({beat("probe-user")});
    REQUIRE(bench.router.counters()["backlog_rows"] == 1);
}

}  // namespace

TEST_CASE("what exceeds the frames kept waits newest per session", "[collector][backlog]") {
    Bench bench(small());
    fill(bench);
    bench.turn({beat("a"), beat("b"), beat("a")});
    CHECK(bench.router.counters()["backlog_rows"] == 3);
    CHECK(bench.router.counters()["merged"] >= 1);
    const auto frames = catch_up(bench, 1);
    auto users = users_of(frames);
    REQUIRE(users.size() >= 3);
    CHECK(Users(users.end() - 2, users.end()) == Users{"b", "a"});
    CHECK(bench.router.counters()["backlog_rows"] == 0);
    CHECK(bench.router.counters()["dropped"] == 0);
}

TEST_CASE("a row from the backlog keeps the time it was read", "[collector][backlog]") {
    Bench bench(small());
    fill(bench);
    bench.turn({beat("a")});
    const auto read = micros(bench.now - 500us);
    bench.now += 100ms;
    bench.turn({beat("b")});
    for (const auto& frame : catch_up(bench, 1))
        for (const auto& row : frame.rows) {
            if (row.user == "a") CHECK(row.read_us == read);
            if (row.user == "b") CHECK(row.read_us == read + 101'000);
        }
}

TEST_CASE("rows of a long backlog leave in frames of the usual size, each with its time",
          "[collector][backlog]") {
    RouterOptions options;
    options.resend_bytes_max = 300'000;
    Bench bench(options);
    std::map<std::string, std::int64_t> read;
    for (int n = 0; n < 20; ++n) {
        std::vector<std::string> users;
        std::vector<Heartbeat> beats;
        for (int i = 0; i < 300; ++i) {
            users.push_back(std::to_string(n) + "-" + std::to_string(i) + "-");
            users.back().resize(kUserBytesMax, 'u');
        }
        for (const auto& user : users)
            beats.push_back({.user = user});
        bench.now += 10ms;
        bench.turn({encode_heartbeats({}, beats)});
        for (const auto& user : users)
            read[user] = micros(bench.now - 500us);
    }
    const auto waiting = bench.router.counters()["backlog_rows"];
    REQUIRE(waiting > 3'000);
    std::size_t told = 0;
    for (const auto& frame : catch_up(bench, 3)) {
        CHECK(frame.rows.size() * kUserBytesMax <= kFrameBytesTarget);
        for (const auto& row : frame.rows)
            told += row.read_us == read.at(row.user);
    }
    CHECK(told >= waiting);
    CHECK(bench.router.counters()["dropped"] == 0);
}

TEST_CASE("the watermark stands still while rows wait", "[collector][backlog]") {
    Bench bench(small());
    fill(bench);
    const Instant diverted = bench.now;
    bench.turns(500ms);
    bool waiting_seen = false;
    bench.tell(bench.ack(1));
    for (std::uint64_t applied = 1; bench.router.counters()["backlog_rows"] > 0;) {
        for (const auto& frame : bench.turn()) {
            CHECK(Instant{frame.header.watermark.time_since_epoch()} <= diverted);
            applied = std::max(applied, frame.header.number);
            waiting_seen = true;
        }
        if (bench.router.counters()["backlog_rows"] > 0) bench.tell(bench.ack(applied));
    }
    CHECK(waiting_seen);
    const auto frames = catch_up(
        bench, bench.router.counters()["frames_sent"] - bench.router.counters()["frames_resent"]);
    CHECK(Instant{frames.back().header.watermark.time_since_epoch()} > diverted + 500ms);
}

TEST_CASE("what does not fit is dropped, counted and told", "[collector][backlog]") {
    Bench bench(small());
    fill(bench);
    bench.turn({beat("a"), beat("b"), beat("c"), beat("d"), beat("e"), beat("a")});
    CHECK(bench.router.counters()["backlog_rows"] == 4);
    CHECK(bench.router.counters()["dropped"] == 2);
    const auto frames = catch_up(bench, 1);
    REQUIRE_FALSE(frames.empty());
    CHECK(frames[0].header.dropped == 2);
}

TEST_CASE("a bye is never displaced by a beat", "[collector][backlog]") {
    Bench bench(small());
    fill(bench);
    bench.turn({beat("a"), bye("a"), beat("a")});
    std::vector<bool> tombstones;
    for (const auto& frame : catch_up(bench, 1))
        for (const auto& row : frame.rows)
            if (row.user == "a") tombstones.push_back(row.bye);
    CHECK(tombstones == std::vector<bool>{true, false});
}

TEST_CASE("a status is not displaced by a beat that tells none", "[collector][backlog]") {
    Bench bench(small());
    fill(bench);
    bench.turn({encode_heartbeats({}, {{.user = "a", .status = "busy"}}),
                encode_heartbeats({}, {{.user = "a", .status = "away"}}), beat("a")});
    std::vector<std::optional<std::string>> statuses;
    for (const auto& frame : catch_up(bench, 1))
        for (const auto& row : frame.rows)
            if (row.user == "a") statuses.push_back(row.status);
    CHECK(statuses == std::vector<std::optional<std::string>>{"away", std::nullopt});
}

TEST_CASE("everything waiting goes out before the goodbye", "[collector][backlog]") {
    Bench bench(small());
    fill(bench);
    bench.turn({beat("a"), beat("b")});
    bench.goodbye();
    CHECK_FALSE(bench.router.all_acknowledged());
    const auto frames = catch_up(bench, 1);
    REQUIRE_FALSE(frames.empty());
    CHECK(frames.back().header.goodbye);
    CHECK(users_of(frames).back() == "b");
    CHECK(bench.router.all_acknowledged());
}

TEST_CASE("the backlog keeps what a plain map keeps", "[collector][backlog]") {
    rc::prop("newest by its own time, of equals the later put", [] {
        struct SinkState {
            std::int64_t time = 0;
            std::uint32_t ttl_ms = 0;
            std::optional<std::string> status;
        };
        // By user, session, edge, whether it is a bye, and whether a beat tells a status.
        std::map<std::tuple<std::string, std::string, std::string, bool, bool>, SinkState> plain;
        constexpr std::size_t kMax = 6;
        CompactedQueue backlog(kMax);
        std::int64_t read_us = 0;
        const auto puts = *rc::gen::inRange(0, 60);
        for (int i = 0; i < puts; ++i) {
            const auto user = *rc::gen::element<std::string>("a", "b", "ab");
            const auto session = *rc::gen::element<std::string>("", "b", "s");
            const auto edge = *rc::gen::element<std::string>("", "e");
            const auto status =
                *rc::gen::element<std::optional<std::string>>(std::nullopt, "", "x");
            Row row{.hash = 1, .user = user, .session = session, .edge = edge, .status = status};
            row.bye = *rc::gen::arbitrary<bool>();
            row.age_ms = *rc::gen::inRange<std::uint32_t>(0, 5);
            row.ttl_ms = static_cast<std::uint32_t>(i);
            read_us += *rc::gen::inRange(0, 3'000);
            const auto time = read_us - row.age_ms * 1'000;
            const auto key = std::tuple(user, session, edge, row.bye, !row.bye && status);
            const auto put = backlog.put(row, PeerInstant{Duration{read_us}});
            const auto found = plain.find(key);
            if (found == plain.end() && plain.size() == kMax) {
                RC_ASSERT(put == CompactedQueue::Put::refused);
                continue;
            }
            RC_ASSERT(put == (found == plain.end() ? CompactedQueue::Put::added
                                                   : CompactedQueue::Put::merged));
            if (found == plain.end() || time >= found->second.time)
                plain[key] = {time, row.ttl_ms, status};
        }
        RC_ASSERT(backlog.size() == plain.size());
        while (!backlog.empty())
            backlog.take([&](const Row& row, PeerInstant read) {
                const auto found =
                    plain.find({std::string(row.user), std::string(row.session),
                                std::string(row.edge), row.bye, !row.bye && row.status});
                RC_ASSERT(found != plain.end());
                RC_ASSERT(micros(read) - row.age_ms * 1'000 == found->second.time);
                RC_ASSERT(row.ttl_ms == found->second.ttl_ms);
                RC_ASSERT(row.status == found->second.status);
                plain.erase(found);
            });
        RC_ASSERT(plain.empty());
    });
}
