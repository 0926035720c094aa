// What becomes of a link's rows, numbers and counts when its tracker leaves the map.
#include <catch2/catch.hpp>

#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

// Users of the second of two trackers.
std::vector<std::string> of_second(std::size_t count) {
    const auto map = SlotMap::rendezvous(1, {"t1", "t2"});
    std::vector<std::string> users;
    for (int n = 0; users.size() < count; ++n) {
        const auto user = "user-" + std::to_string(n);
        if (map.owner[slot_of(hash_of(user))] == 1) users.push_back(user);
    }
    return users;
}

}  // namespace

TEST_CASE("what waits for a tracker that leaves goes to the next, with the time it was read",
          "[collector][backlog]") {
    RouterOptions options;
    options.resend_bytes_max = 1'000;
    Bench bench(options, {"t1", "t2"});
    const auto users = of_second(3);
    while (bench.router.counters()["backlog_rows"] == 0)
        bench.turn({beat(users[0])});
    std::map<std::string, std::int64_t> read;
    for (const auto& user : users) {
        bench.now += 10ms;
        bench.turn({beat(user)});
        read[user] = micros(bench.now - 500us);
    }
    REQUIRE(bench.router.counters()["backlog_rows"] == 3);

    bench.router.adopt(SlotMap::rendezvous(2, {"t1"}));
    std::map<std::string, std::int64_t> told;
    std::uint64_t applied = 1;
    for (int n = 0; n < 20; ++n) {
        bench.tell(bench.ack(applied));
        for (const auto& frame : bench.turns(20ms)) {
            applied = frame.header.number;
            for (const auto& row : frame.rows)
                told[row.user] = std::max(told[row.user], row.read_us);
        }
    }
    CHECK(told == read);
    CHECK(bench.router.counters()["backlog_rows"] == 0);
    CHECK(bench.router.counters()["dropped"] == 0);
}

TEST_CASE("what was sent to a tracker that left is counted on", "[collector][input]") {
    Bench bench({}, {"t1", "t2"});
    bench.turn({beat(of_second(1)[0])});
    bench.turns(100ms);
    auto ack = bench.ack(2, true);
    ack.tracker = "t2";
    ack.moved = 3;
    bench.tell(ack, 1);
    bench.turn();
    const auto before = bench.router.counters();
    CHECK(before["frames_sent"] > before["frames_resent"]);
    CHECK(before["frames_resent"] > 0);
    bench.router.adopt(SlotMap::rendezvous(2, {"t1"}));
    const auto after = bench.router.counters();
    CHECK(after["frames_sent"] == before["frames_sent"]);
    CHECK(after["frames_resent"] == before["frames_resent"]);
    CHECK(after["rows_sent"] == 1);
    CHECK(after["moved"] == 3);
}

TEST_CASE("a tracker that comes back is sent frames of a newer boot, which a later run exceeds",
          "[collector][input]") {
    RouterOptions options;
    options.boot = 1'000'000;
    Bench bench(options, {"t1", "t2"});
    bench.turns(20ms);
    bench.router.adopt(SlotMap::rendezvous(2, {"t1"}));
    bench.router.adopt(SlotMap::rendezvous(3, {"t1", "t2"}));
    for (const auto& frame : bench.turns(20ms)) {
        CHECK((frame.header.boot > options.boot) == (frame.tracker == 1));
        CHECK(frame.header.boot < options.boot + 1'000);
    }
}

TEST_CASE("a collector is heard by all once each tracker has acknowledged something",
          "[collector][input]") {
    Bench bench({}, {"t1", "t2"});
    bench.turns(50ms);
    CHECK_FALSE(bench.router.heard_by_all());
    auto ack = bench.ack(1);
    bench.tell(ack);
    CHECK_FALSE(bench.router.heard_by_all());
    ack.tracker = "t2";
    bench.tell(ack, 1);
    CHECK(bench.router.heard_by_all());
}

TEST_CASE("a frame names the list that it was cut by, also when it is sent again",
          "[collector][lists]") {
    Bench bench({}, {"t1"});
    const auto first = rank_of(SlotMap::rendezvous(1, {"t1"}));
    const auto both = SlotMap::rendezvous(2, {"t1", "t2"});
    auto frames = bench.turns(30ms);
    REQUIRE_FALSE(frames.empty());
    const auto before = frames.back().header.number;
    CHECK(frames.back().header.list() == first);
    CHECK_FALSE(frames.back().list.empty());  // nobody has said yet that they know it

    auto ack = bench.ack(0, true);
    ack.map_version = first.version;
    ack.list_hash = first.hash;
    ack.epoch = 5 << 10;
    bench.tell(ack);
    CHECK(bench.router.list_of(0) == first);
    frames = bench.turns(2ms);
    REQUIRE_FALSE(frames.empty());
    CHECK(frames.front().list.empty());
    CHECK(frames.front().header.epoch == ack.epoch);

    bench.router.adopt(both);
    bench.now += 1s;
    bench.tell(ack);
    ListRank last = first;
    for (const auto& frame : bench.turns(50ms)) {
        if (frame.tracker != 0) {
            CHECK(frame.header.list() == rank_of(both));
            CHECK(frame.header.dropped == 1);  // what was read before went to t1
            continue;
        }
        CHECK(frame.header.dropped == 0);
        CHECK(frame.header.list() >= last);
        last = frame.header.list();
        const bool old = frame.header.list() == first;
        CHECK(old == frame.list.empty());
        if (frame.header.number <= before) CHECK(old);
    }
    CHECK(last == rank_of(both));
    CHECK(decode_list(encode_list(both)) == both.trackers);
}
