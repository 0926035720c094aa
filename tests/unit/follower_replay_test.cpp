#include <catch2/catch.hpp>

#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

namespace {

const std::vector<std::string> kUsers{"alice", "bob", "carol"};

// Everyone in kUsers online, all told.
OneTracker followed() {
    OneTracker world(kUsers);
    world.tick(0);
    for (const auto& user : kUsers)
        world.tracker.online(user, 1);
    world.hear(1);
    REQUIRE(world.follower->in_step());
    return world;
}

}  // namespace

TEST_CASE("each transition is handed out once, with the tracker's own position",
          "[notifier][follower]") {
    OneTracker world(kUsers);
    world.tick(0);
    world.tracker.online("alice", 1);
    world.tracker.offline("alice", 2);
    const auto batch = *world.tracker.batch();
    world.on_batch(batch, 3);
    world.on_batch(batch, 3);
    const auto events = world.turn(3);
    REQUIRE(brief(events) == "+alice -alice");
    CHECK(events[0].seq == 1);
    CHECK(events[1].seq == 2);
    CHECK(events[1].epoch == world.tracker.epoch());
    CHECK(world.follower->counters()["duplicates"] == 1);
    CHECK(world.follower->counters()["batches"] == 1);
    CHECK(world.follower->counters()["events"] == 2);
}

TEST_CASE("a lost batch is noticed by the next one's number and replayed, in order",
          "[notifier][follower][replay]") {
    auto world = followed();
    world.tracker.offline("alice", 10);
    world.lose();
    world.tracker.online("alice", 11);
    world.tracker.offline("bob", 11);
    CHECK(brief(world.hear(12)) == "-alice -bob +alice");  // by slot
    CHECK(world.follower->in_step());
    CHECK(world.follower->counters()["gaps"] == 1);
    CHECK(world.follower->counters()["reconciled"] == 0);
}

TEST_CASE("a lost last batch is noticed by the tick", "[notifier][follower][replay]") {
    auto world = followed();
    world.tracker.offline("alice", 10);
    world.lose();
    CHECK(world.turn(500).empty());
    CHECK(brief(world.tick(1'000)) == "-alice");
}

TEST_CASE("an hour of batches is replayed page after page", "[notifier][follower][replay]") {
    auto world = followed();
    std::string expected;
    for (int n = 0; n < 10; ++n) {
        world.tracker.offline("alice", 10 + n);
        world.lose();
        world.tracker.online("alice", 10 + n);
        world.lose();
        expected += n == 0 ? "-alice +alice" : " -alice +alice";
    }
    CHECK(brief(world.tick(1'000)) == expected);
    CHECK(world.tracker.replays == 7);  // 20 rows, 3 a page
    CHECK(world.follower->counters()["replayed"] == 20);
    CHECK(world.follower->in_step());
}

namespace {

// A follower of three users that is behind by one batch, alice's, and asks for it.
struct Replaying {
    Replaying() {
        world.tracker.offline("alice", 10);
        world.lose();
        world.on_tick(world.tracker.tick(), 11);
        const auto questions = world.questions_of_turn(11, events);
        REQUIRE(questions.size() == 1);
        answer = world.tracker.answer(questions[0].bytes, 11);
    }
    OneTracker world = followed();
    std::vector<Event> events;
    std::string answer;
};

}  // namespace

TEST_CASE("what comes during a replay goes on from its rows, and nothing is asked again",
          "[notifier][follower][replay]") {
    Replaying replaying;
    auto& world = replaying.world;
    for (const auto* const user : {"bob", "carol"}) {
        world.tracker.offline(user, 12);
        world.on_batch(*world.tracker.batch(), 12);
        world.on_tick(world.tracker.tick(), 12);
    }
    CHECK_FALSE(world.follower->in_step());
    world.on_answer(replaying.answer, 13);
    CHECK(brief(world.turn(13)) == "-alice -bob -carol");
    CHECK(world.follower->in_step());
    CHECK(world.tracker.replays == 1);
    CHECK(world.follower->counters()["gaps"] == 1);
}

TEST_CASE("what rows had already is not handed out again", "[notifier][follower][replay]") {
    auto world = followed();
    world.tracker.offline("alice", 10);
    world.lose();
    std::vector<Event> events;
    world.on_tick(world.tracker.tick(), 11);
    const auto questions = world.questions_of_turn(11, events);
    world.tracker.offline("bob", 12);
    world.on_batch(*world.tracker.batch(), 12);
    world.on_answer(world.tracker.answer(questions.at(0).bytes, 12), 13);
    CHECK(brief(world.turn(13)) == "-alice -bob");
    CHECK(world.follower->in_step());
}

TEST_CASE("a gap in what comes during a replay is asked for", "[notifier][follower][replay]") {
    Replaying replaying;
    auto& world = replaying.world;
    const std::string lost = GENERATE("bob", "carol");
    for (const std::string user : {"bob", "carol", "bob"}) {
        if (world.tracker.is_online(user))
            world.tracker.offline(user, 12);
        else
            world.tracker.online(user, 12);
        if (user == lost)
            world.lose();
        else
            world.on_batch(*world.tracker.batch(), 12);
    }
    world.on_tick(world.tracker.tick(), 12);
    world.on_answer(replaying.answer, 13);
    CHECK(brief(world.turn(13)) == "-alice -bob -carol +bob");
    CHECK(world.follower->in_step());
    CHECK(world.tracker.replays > 1);
}

TEST_CASE("more than waiting_max events during a replay are replayed after it",
          "[notifier][follower][replay]") {
    OneTracker world(kUsers, {.trackers = {}, .waiting_max = 2});
    world.tick(0);
    world.tracker.online("alice", 1);
    world.lose();
    std::vector<Event> events;
    world.on_tick(world.tracker.tick(), 11);
    const auto questions = world.questions_of_turn(11, events);
    const auto answer = world.tracker.answer(questions.at(0).bytes, 11);
    for (int n = 0; n < 3; ++n) {
        world.tracker.online(kUsers[static_cast<std::size_t>(n % 2 + 1)], 12);
        world.tracker.offline(kUsers[static_cast<std::size_t>(n % 2 + 1)], 12);
        world.on_batch(*world.tracker.batch(), 12);
    }
    world.on_answer(answer, 13);
    CHECK(brief(world.turn(13)) == "+alice +bob -bob +carol -carol +bob -bob");
    CHECK(world.tracker.replays == 2);
    CHECK(world.follower->in_step());
}

TEST_CASE("what was never said is kept no longer than until the next answer",
          "[notifier][follower][replay]") {
    Replaying replaying;
    auto& world = replaying.world;
    world.on_batch(encode_batch({"t1", 99'999, 7, 0, {}}), 12);  // of no run of this tracker
    world.on_answer(replaying.answer, 13);
    CHECK(brief(world.turn(13)) == "-alice");
    CHECK(world.tracker.replays == 2);
    CHECK(world.follower->in_step());
}

TEST_CASE("over a restart with its journal a tracker is followed without a comparison",
          "[notifier][follower][replay]") {
    auto world = followed();
    world.tracker.offline("alice", 10);
    world.lose();
    world.tracker.restart(2'000, 100);
    world.lose();  // the batch that begins the run
    world.tracker.offline("bob", 101);
    const auto events = world.hear(102);
    REQUIRE(brief(events) == "-alice -bob");
    CHECK(events[1].epoch == world.tracker.epoch());
    CHECK(world.follower->in_step());
    CHECK(world.follower->counters()["snapshots"] == kUsers.size());  // those of the start
}

TEST_CASE("a run that goes on from other rows than those that came is not followed blindly",
          "[notifier][follower][replay]") {
    auto world = followed();
    world.tracker.offline("alice", 10);
    CHECK(brief(world.hear(11)) == "-alice");
    world.tracker.lose_last_rows(1);  // so alice is online again, for the tracker
    world.tracker.restart(2'000, 100);
    world.lose();
    world.tracker.online("bob", 101, "away");
    // This batch's number is the next, and its prev_boot is the run that we followed.
    const auto events = world.hear(102);
    CHECK(brief(events) == "+alice~ +bob=away~");
    CHECK(world.follower->counters()["resyncs"] == 2);
    CHECK(world.follower->counters()["diverged"] == 1);
    CHECK(world.follower->counters()["reconciled"] == 2);
    CHECK(world.follower->in_step());
}

TEST_CASE("where the journal was trimmed, everyone is compared", "[notifier][follower][replay]") {
    auto world = followed();
    world.tracker.offline("alice", 10);
    world.lose();
    world.tracker.offline("bob", 11);
    world.lose();
    world.tracker.trim_to_last_rows(1);
    CHECK(brief(world.tick(1'000)) == "-alice~ -bob~");
    CHECK(world.follower->in_step());
    CHECK(world.follower->cursor(0) == Cursor{1'000, 3});
}

TEST_CASE("a row that is not the next leads to a comparison", "[notifier][follower][replay]") {
    for (const std::string& row :
         {std::string("\xdd\x0f\xff\xff\xff"), encode_batch({"t1", 1'000, 3, 0, {}}),
          encode_batch({"t2", 1'000, 2, 0, {}}), encode_batch({"t1", 0, 2, 0, {}})}) {
        auto world = followed();
        world.tracker.offline("alice", 10);
        world.lose();
        std::vector<Event> events;
        world.on_tick(world.tracker.tick(), 11);
        const auto questions = world.questions_of_turn(11, events);
        Answer answer;
        answer.rid = std::get<Query>(decode_query(questions.at(0).bytes)).rid;
        answer.body = ReplayAnswer{1'000, 2, {row}};
        world.on_answer(encode_answer(answer), 12);
        CHECK(world.follower->counters()["refused"] == 1);
        CHECK(brief(world.turn(12)) == "-alice~");
    }
}

TEST_CASE("an event of a lower epoch is dropped", "[notifier][follower][epoch]") {
    auto world = followed();
    Event event;
    event.user = "alice";
    event.state = State::offline;
    event.reason = "timeout";
    world.on_batch(encode_batch({"t1", 1'000, 2, 0, {{slot_of(hash_of("alice")), 17, 9, {event}}}}),
                   2);
    CHECK(world.turn(2).empty());
    CHECK(world.follower->counters()["out_of_date"] == 1);
}

TEST_CASE("a status that differs is handed out, the same one is not", "[notifier][follower]") {
    auto world = followed();
    world.tracker.online("alice", 10, "away");
    CHECK(brief(world.hear(10)) == "+alice=away");
    world.tracker.online("alice", 12, "away");
    CHECK(world.hear(1'001).empty());
    CHECK(world.follower->counters()["duplicates"] == 1);
}

TEST_CASE("that a ttl grew is remembered and told to nobody", "[notifier][follower]") {
    auto world = followed();
    world.tracker.ttl_grows("alice", 10, 60'000);
    CHECK(world.hear(10).empty());
    CHECK(world.follower->find("alice")->ttl_ms == 60'000);
}

TEST_CASE("a follower that starts anew goes on from its cursor", "[notifier][follower][replay]") {
    auto world = followed();
    world.restart_follower();
    world.tracker.offline("alice", 10);
    world.lose();
    world.tracker.restart(2'000, 100);
    world.tracker.online("alice", 200);
    world.lose();
    CHECK_FALSE(world.follower->in_step());
    CHECK(brief(world.tick(1'000)) == "-alice +alice");
    CHECK(world.follower->in_step());
    CHECK(world.follower->counters()["snapshots"] == 0);
}

TEST_CASE("a follower that starts anew without a cursor is told the difference to its ledger",
          "[notifier][follower][resync]") {
    auto world = followed();
    world.on_tick(encode_tick({"t1", 7, 7}), 2);
    world.answering = false;
    world.tracker.wipe();  // so that the replay leads to a comparison that is not over yet
    world.tracker.offline("alice", 3);
    world.lose();
    world.tracker.trim_to_last_rows(0);
    std::vector<Event> events;
    for (const auto& question : world.questions_of_turn(4, events))
        world.on_answer(world.tracker.answer(question.bytes, 4), 4);
    CHECK_FALSE(world.follower->settled(0));
    world.restart_follower();
    world.answering = true;
    CHECK(brief(world.tick(5)) == "-alice~");
}
