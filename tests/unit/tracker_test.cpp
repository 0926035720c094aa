#include "tests/unit/tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

TEST_CASE("one heartbeat becomes online, its silence offline at last read + ttl",
          "[tracker][core]") {
    TrackerWorld world;
    world.frame(at(1s), {beat("alice")}, at(900ms));
    const auto online = world.events(at(1s));
    REQUIRE(online.size() == 1);
    CHECK(online[0].user == "alice");
    CHECK(online[0].state == State::online);
    CHECK(online[0].reason == "heartbeat");
    CHECK(online[0].at_ms - millis(kWall.at(at(900ms))) <= 1);
    CHECK(online[0].seq == 1);

    world.frame(at(10'800ms));
    CHECK(world.events(at(10'800ms)).empty());
    world.frame(at(10'950ms));
    const auto offline = world.events(at(10'950ms));
    REQUIRE(offline.size() == 1);
    CHECK(offline[0].state == State::offline);
    CHECK(offline[0].reason == "timeout");
    CHECK(offline[0].at_ms >= millis(kWall.at(at(10'900ms))));
    CHECK(offline[0].at_ms <= millis(kWall.at(at(10'901ms))));  // late by the clocks' drift only
    CHECK(offline[0].since_ms == online[0].at_ms);
    CHECK(offline[0].seq == 2);
    CHECK(offline[0].epoch == online[0].epoch);
}

TEST_CASE("time does not pass while the evidence is not in", "[tracker][core]") {
    TrackerWorld world;
    world.frame(at(1s), {beat("alice")});
    REQUIRE(world.events(at(1s)).size() == 1);
    CHECK(world.events(at(10'999ms)).empty());  // the collector is stalled: no frame, no expiry
    world.frame(at(10'999ms), {beat("alice")}, at(9s));
    CHECK(world.events(at(10'999ms)).empty());
    CHECK(world.tracker.counters()["online"] == 1);
}

TEST_CASE("a vanished collector lifts every deadline", "[tracker][core]") {
    TrackerWorld world;
    world.frame(at(1s), {beat("alice")});
    REQUIRE(world.events(at(1s)).size() == 1);
    CHECK(world.events(at(12s)).empty());  // silent beyond the grace: known no more, lifted
    CHECK(world.tracker.counters()["lifts"] == 1);
    world.frame(at(20s));
    CHECK(world.events(at(20s)).empty());
    world.frame(at(21'500ms));
    CHECK(world.events(at(21'500ms)).empty());  // lifted to 12 s + 10 s at least
    world.frame(at(22'500ms));
    CHECK(world.events(at(22'500ms)).size() == 1);
}

TEST_CASE("no deadline lies before the tracker's own start + ttl", "[tracker][core]") {
    TrackerWorld world;
    world.frame(at(1s), {beat("alice")}, at(-5s));  // waited in a collector while we were away
    REQUIRE(world.events(at(1s)).size() == 1);
    world.frame(at(9'990ms));
    CHECK(world.events(at(9'990ms)).empty());
    world.frame(at(10'100ms));
    CHECK(world.events(at(10'100ms)).size() == 1);
}

TEST_CASE("each frame is acknowledged with its turn, duplicates too", "[tracker][core]") {
    TrackerWorld world;
    world.frame(at(1s), {beat("alice")});
    world.frame(at(1s), {beat("bob")});
    world.turn(at(1s));
    REQUIRE(world.out.acks.size() == 1);
    auto ack = world.last_ack();
    CHECK(world.out.acks[0].peer == "peer");
    CHECK(ack.applied == 2);
    CHECK(ack.collector_boot == 50);
    CHECK(ack.tracker_boot == 7);
    CHECK(ack.sent_us == micros(at(1s)));
    world.number = 0;
    world.frame(at(2s), {beat("alice")});
    world.turn(at(2s));
    CHECK(world.last_ack().applied == 2);
    CHECK(world.tracker.counters()["frames_duplicate"] == 1);
    CHECK(world.tracker.counters()["heartbeats"] == 2);
}

TEST_CASE("garbage and another cluster's frames are counted, not acknowledged", "[tracker][core]") {
    TrackerWorld world;
    world.tracker.on_frame("peer", "\xdd\x0f\xff\xff\xff", at(1s), kWall);
    world.tracker.on_frame("peer", "", at(1s), kWall);
    FrameHeader h;
    h.cluster = "other";
    h.collector = "c1";
    h.boot = h.number = h.base = 1;
    world.tracker.on_frame("peer", encode_frame(h, ""), at(1s), kWall);
    world.turn(at(1s));
    CHECK(world.out.acks.empty());
    CHECK(world.tracker.counters()["frames_refused"] == 3);
}

TEST_CASE("who is refused, and why, is told: the first since it was last asked",
          "[tracker][core]") {
    TrackerWorld world;
    CHECK_FALSE(world.tracker.take_refused());
    FrameHeader h;
    h.cluster = "other";
    h.collector = "c1";
    h.boot = h.number = h.base = 5;
    world.tracker.on_frame("peer", encode_frame(h, ""), at(1s), kWall);
    world.tracker.on_frame("peer", "", at(1s), kWall);
    auto refused = world.tracker.take_refused();
    REQUIRE(refused);
    CHECK(refused->reason == "cluster");
    CHECK(refused->cluster == "other");
    CHECK(refused->collector == "c1");

    world.tracker.on_frame("peer", "", at(1s), kWall);
    refused = world.tracker.take_refused();
    REQUIRE(refused);
    CHECK(refused->reason == "not_msgpack");
    CHECK(refused->collector.empty());

    h.cluster = "main";
    world.tracker.on_frame("peer", encode_frame(h, ""), at(1s), kWall);
    CHECK_FALSE(world.tracker.take_refused());
    for (; h.boot < 5 + FailureDetector::kRunsMax; ++h.boot)
        world.tracker.on_frame("peer", encode_frame(h, ""), at(1s), kWall);
    CHECK_FALSE(world.tracker.take_refused());
    world.tracker.on_frame("peer", encode_frame(h, ""), at(1s), kWall);
    CHECK(world.tracker.take_refused()->reason == "collectors_limit");
    h.base = 0;
    world.tracker.on_frame("peer", encode_frame(h, ""), at(1s), kWall);
    CHECK(world.tracker.take_refused()->reason == "numbers");
}

TEST_CASE("two processes under one id are told of each other, and shown in the status",
          "[tracker][core][identity]") {
    TrackerWorld world;
    FrameHeader h;
    h.cluster = "main";
    h.collector = "c1";
    h.base = 1;
    Instant now = at(1s);
    for (; now < at(4s); now += 100ms) {
        ++h.number;
        h.sent = h.watermark = PeerInstant{now.time_since_epoch()};
        h.echo = FrameHeader::Echo{7, micros(now), h.sent};
        for (const std::uint64_t boot : {50, 60}) {
            h.boot = boot;
            const auto from = "10.0.0." + std::to_string(boot);
            world.tracker.on_frame(from, encode_frame(h, ""), now, kWall, from);
        }
        world.turn(now);
        REQUIRE(world.out.acks.size() == 2);
    }
    const auto first = decode_ack(world.out.acks[0].bytes).value();
    const auto second = decode_ack(world.out.acks[1].bytes).value();
    CHECK(world.out.acks[0].peer == "10.0.0.50");
    CHECK(first.collector_boot == 50);
    CHECK(first.applied == h.number);
    CHECK(first.other->boot == 60);
    CHECK(second.other->boot == 50);
    CHECK(second.other->address == "10.0.0.50");
    const auto status = world.ask<StatusAnswer>(StatusQuery{}, now);
    REQUIRE(status.collectors.size() == 2);
    CHECK(status.collectors[0].address == "10.0.0.50");
    CHECK(status.collectors[1].address == "10.0.0.60");
    REQUIRE(status.shared.size() == 1);
    CHECK(status.shared[0].what == "collector:c1");
    CHECK(status.shared[0].from == std::vector<std::string>{"10.0.0.50", "10.0.0.60"});
}

TEST_CASE("a tick tells the last batch each second, also when idle", "[tracker][core]") {
    TrackerWorld world;
    const auto ticks = [&](Instant now) {
        world.turn(now);
        std::vector<std::uint64_t> last;
        for (const auto& publication : world.out.publications)
            if (publication.topic == kTopicTick)
                last.push_back(decode_tick(publication.bytes)->last_batch);
        return last;
    };
    CHECK(ticks(at(0s)) == std::vector<std::uint64_t>{1});  // the run's first, without events
    CHECK(ticks(at(900ms)).empty());
    CHECK(world.tracker.next_wakeup(at(900ms)) == at(1s));
    world.frame(at(1s), {beat("alice")});
    CHECK(ticks(at(1s)) == std::vector<std::uint64_t>{2});
}

TEST_CASE("who subscribes to ticks is told where the stream stands, in one tick for many at once",
          "[tracker][core]") {
    TrackerWorld world;
    const auto ticks = [&](Instant now) {
        world.turn(now);
        return std::count_if(world.out.publications.begin(), world.out.publications.end(),
                             [](const auto& p) { return p.topic == kTopicTick; });
    };
    REQUIRE(ticks(at(0s)) == 1);
    world.tracker.on_subscriber({}, "\1batch");
    world.tracker.on_subscriber({}, std::string_view("\0tick", 5));
    CHECK(world.tracker.next_wakeup(at(100ms)) == at(1s));
    world.tracker.on_subscriber({}, "\1tick");
    CHECK(ticks(at(100ms)) == 1);
    for (int i = 0; i < 100; ++i)
        world.tracker.on_subscriber({}, "\1t");
    CHECK(ticks(at(101ms)) == 0);
    CHECK(world.tracker.next_wakeup(at(101ms)) == at(120ms));
    CHECK(ticks(at(120ms)) == 1);
    CHECK(ticks(at(1119ms)) == 0);
    CHECK(ticks(at(1120ms)) == 1);
}

TEST_CASE("who found no room is unknown until their ttl has passed, and so is who is not there",
          "[tracker][core]") {
    auto options = options_of();
    options.users_max = 1;
    TrackerWorld world(options);
    for (auto t = 0s; t <= 20s; t += 1s) {
        if (t < 15s)
            world.frame(at(t), {beat("alice"), beat("bob")});
        else
            world.frame(at(t), {beat("alice")});
        world.turn(at(t));
    }
    const auto get = [&](std::string user, Instant now) {
        return world.ask<GetAnswer>(GetQuery{{std::move(user)}}, now).users[0].state;
    };
    CHECK(get("alice", at(20s)) == Known::online);
    CHECK(get("bob", at(20s)) == Known::unknown);  // said bob at 14 s, for 10 s
    CHECK(get("carol", at(20s)) == Known::unknown);
    for (auto t = 21s; t <= 25s; t += 1s) {
        world.frame(at(t), {beat("alice")});
        world.turn(at(t));
    }
    CHECK(get("bob", at(25s)) == Known::offline);
}

TEST_CASE("queries are answered after the batches of their turn", "[tracker][core]") {
    TrackerWorld world;
    CHECK(world.ask<GetAnswer>(GetQuery{{"alice"}}, at(0s)).users[0].state == Known::unknown);
    CHECK(world.freshness == Freshness::warming);

    world.frame(at(1s), {beat("alice"), beat("bob")});
    const auto got = world.ask<GetAnswer>(GetQuery{{"bob", "carol", "alice"}}, at(1s));
    REQUIRE(got.users.size() == 3);
    CHECK(got.users[0].state == Known::online);
    CHECK(got.users[0].sessions == 1);
    CHECK(got.users[1].state == Known::unknown);  // warming: nobody knows yet
    CHECK(got.users[2].user == "alice");

    CHECK(world.ask<CountAnswer>(CountQuery{}, at(1s)).online == 2);
    CHECK(world.ask<ListAnswer>(ListQuery{}, at(1s)).users.size() == 2);
    CHECK(world.ask<MapAnswer>(MapQuery{}, at(1s)).trackers[0].slots.size() == kSlots);
    const auto status = world.ask<StatusAnswer>(StatusQuery{}, at(1s));
    REQUIRE(status.collectors.size() == 1);
    CHECK(status.collectors[0].state == "live");

    const auto slot = slot_of(hash_of("alice"));
    world.frame(at(2s), {beat("alice")});
    const auto snapshot = world.ask<SnapshotAnswer>(SnapshotQuery{slot, {}}, at(2s));
    CHECK(snapshot.seq == 1);
    CHECK(snapshot.batch == 2);
    CHECK(snapshot.covers_ms <= 1'000);
    REQUIRE(snapshot.users.size() == 1);
    CHECK(snapshot.users[0].user == "alice");

    for (auto t = 3s; t <= 12s; t += 1s) {
        world.frame(at(t), {beat("alice")});
        world.turn(at(t));
    }
    CHECK(world.ask<GetAnswer>(GetQuery{{"carol"}}, at(12s)).users[0].state == Known::offline);
    CHECK(world.freshness == Freshness::live);
    CHECK(world.ask<GetAnswer>(GetQuery{{"carol"}}, at(15s)).users[0].state == Known::unknown);
    CHECK(world.freshness == Freshness::frozen);
}

TEST_CASE("a bad question is answered with its error and rid", "[tracker][core]") {
    TrackerWorld world;
    world.tracker.on_query("asker", "\xc1");
    world.turn(at(1s));
    REQUIRE(world.out.answers.size() == 1);
    CHECK(std::holds_alternative<QueryError>(decode_answer(world.out.answers[0].bytes)->body));
    const auto error = world.ask<QueryError>(ListQuery{"nonsense"}, at(1s));
    CHECK(error.code == "bad_cursor");
    CHECK(world.ask<QueryError>(SnapshotQuery{3, "1.1"}, at(1s)).code == "bad_cursor");
}

TEST_CASE("a listing is paged by slot and hash and lists everyone once", "[tracker][core]") {
    TrackerWorld world;
    std::vector<std::string> names;
    for (int n = 0; n < 20'000; ++n)
        names.push_back(std::to_string(n) + std::string(100, 'x'));
    std::vector<Row> rows;
    for (const auto& name : names)
        rows.push_back(beat(name));
    for (std::size_t n = 0; n < rows.size(); n += 4'000)
        world.frame(at(1s), {rows.begin() + static_cast<long>(n),
                             rows.begin() + static_cast<long>(n + 4'000)});
    std::vector<std::string> listed;
    ListQuery query;
    int pages = 0;
    do {
        const auto page = world.ask<ListAnswer>(query, at(1s));
        listed.insert(listed.end(), page.users.begin(), page.users.end());
        query.cursor = page.cursor;
        ++pages;
    } while (!query.cursor.empty());
    CHECK(pages > 1);
    std::sort(listed.begin(), listed.end());
    std::sort(names.begin(), names.end());
    CHECK(listed == names);
}

TEST_CASE("another tracker's users are refused: rows are counted, askers sent on",
          "[tracker][core]") {
    const std::vector<std::string> both{"t1", "t2"};
    TrackerWorld world(options_of(both), both);
    const auto map = SlotMap::rendezvous(1, both);
    std::string other = "u";
    while (map.owner[slot_of(hash_of(other))] == 0)
        other += "u";
    world.frame(at(1s), {beat(other)});
    world.turn(at(1s));
    CHECK(world.last_ack().moved == 1);
    CHECK(world.tracker.counters()["moved"] == 1);
    const auto error = world.ask<QueryError>(GetQuery{{other}}, at(1s));
    CHECK(error.code == "moved");
    CHECK(error.endpoint == "tcp://query-t2");

    SECTION("until a newer map says otherwise, under a higher epoch") {
        const auto slot = slot_of(hash_of(other));
        world.tracker.adopt(SlotMap::rendezvous(2, {"t1"}), options_of({"t1"}).trackers, at(2s),
                            1'700'000'002'000);
        world.frame(at(3s), {beat(other)});
        CHECK(world.events(at(3s)).size() == 1);
        const auto snapshot = world.ask<SnapshotAnswer>(SnapshotQuery{slot, {}}, at(4s));
        CHECK(snapshot.covers_ms <= 1'000);  // since it was taken, not since the start
        CHECK(snapshot.epoch >= 1'700'000'002'000ull << 10);
    }
}

TEST_CASE("a mass silence is told in limited turns that say more is due", "[tracker][core]") {
    TrackerWorld world;
    std::vector<std::string> names;
    for (int n = 0; n < 10'000; ++n)
        names.push_back("user" + std::to_string(n));
    std::vector<Row> rows;
    for (const auto& name : names)
        rows.push_back(beat(name));
    world.frame(at(1s), rows);
    world.turn(at(1s));
    world.frame(at(11'100ms));
    std::size_t offline = 0;
    int turns = 0;
    do {
        offline += world.events(at(11'100ms)).size();
        ++turns;
    } while (world.tracker.next_wakeup(at(11'100ms)) == at(11'100ms));
    CHECK(offline == names.size());
    CHECK(turns >= 3);
}

TEST_CASE("questions with long answers share the turns with heartbeats", "[tracker][query]") {
    TrackerWorld world;
    std::vector<std::string> ids;
    for (int n = 0; n < 9'000; ++n)
        ids.push_back(std::to_string(n) + std::string(120, 'x'));
    for (std::size_t first = 0; first < ids.size(); first += 3'000) {
        std::vector<Row> rows;
        for (std::size_t n = first; n < first + 3'000; ++n)
            rows.push_back(beat(ids[n]));
        world.frame(at(1s), std::move(rows));
    }
    world.turn(at(1s));
    const auto list = encode_query({ListQuery{}, {}});
    const auto count = encode_query({CountQuery{}, {}});
    for (const auto& question : {count, list, count, list, count})
        world.tracker.on_query("asker", question);
    CHECK(world.turn(at(2s)));
    CHECK(world.out.answers.size() == 2);
    CHECK_FALSE(world.tracker.takes_questions());
    CHECK(world.tracker.next_wakeup(at(2s)) <= at(2s));
    CHECK(world.turn(at(2s)));
    CHECK(world.out.answers.size() == 2);
    CHECK_FALSE(world.turn(at(2s)));
    CHECK(world.out.answers.size() == 1);
    CHECK(world.tracker.takes_questions());
}
