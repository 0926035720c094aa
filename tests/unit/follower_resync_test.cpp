#include <catch2/catch.hpp>

#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

TEST_CASE("whoever is online in the first snapshots is handed out as a difference",
          "[notifier][follower][resync]") {
    OneTracker world(kPair);
    world.tracker.online("alice", 1);
    world.lose();  // before the subscription
    // Nothing is asked until the subscription is known to have arrived.
    CHECK(world.turn(5).empty());
    CHECK(world.asked == 0);
    CHECK_FALSE(world.follower->in_step());
    const auto events = world.tick(6);
    REQUIRE(brief(events) == "+alice~");
    CHECK(events[0].reason == "reconcile");
    CHECK(events[0].at_ms == 1);
    CHECK(world.follower->in_step());
    CHECK(world.follower->find("alice") != nullptr);
    CHECK(world.follower->find("bob") == nullptr);
}

TEST_CASE("what comes while a slot is asked for waits, and goes on from the snapshot",
          "[notifier][follower][resync]") {
    OneTracker world(kPair);
    world.tracker.online("alice", 1);
    world.lose();
    Comparing comparing(world, 2);
    world.tracker.offline("alice", 3);
    world.tracker.online("bob", 3);
    CHECK(world.hear(4).empty());
    comparing.answer(5);
    CHECK(brief(world.turn(5)) == "+alice~ -alice +bob");
    CHECK(world.follower->in_step());
}

TEST_CASE("what a snapshot has already is not handed out again", "[notifier][follower][resync]") {
    OneTracker world(kPair);
    world.on_tick(world.tracker.tick(), 1);
    world.tracker.online("alice", 1);
    const auto batch = *world.tracker.batch();
    CHECK(brief(world.turn(2)) == "+alice~");
    world.on_batch(batch, 3);
    CHECK(world.turn(3).empty());
    CHECK(world.follower->in_step());
    world.tracker.offline("alice", 4);
    CHECK(brief(world.hear(4)) == "-alice");
}

TEST_CASE("more than waiting_max events are replayed after the comparison",
          "[notifier][follower][resync]") {
    OneTracker world(kPair, {.trackers = {}, .waiting_max = 1});
    world.tracker.online("alice", 1);
    world.lose();
    Comparing comparing(world, 2);
    for (int n = 0; n < 3; ++n) {
        world.tracker.offline("alice", 3 + n);
        CHECK(world.hear(3 + n).empty());
        world.tracker.online("alice", 3 + n);
        CHECK(world.hear(3 + n).empty());
    }
    CHECK(world.tracker.replays == 0);
    CHECK(world.follower->cursor(0).batch == 2);  // one waits, the others were let go
    comparing.answer(9);
    CHECK(brief(world.turn(9)) == "+alice~ -alice +alice -alice +alice -alice +alice");
    CHECK(world.tracker.replays > 0);
    CHECK(world.follower->in_step());
}

TEST_CASE("a replay goes no further than what may wait", "[notifier][follower][resync]") {
    OneTracker world(kPair, {.trackers = {}, .waiting_max = 1});
    Comparing comparing(world, 1);
    for (const bool online : {true, false, true}) {
        if (online)
            world.tracker.online("alice", 2);
        else
            world.tracker.offline("alice", 2);
        world.lose();
    }
    CHECK(world.tick(3).empty());
    CHECK(world.tracker.replays == 1);
    CHECK(world.follower->cursor(0).batch == 1);
    comparing.answer(4);
    CHECK(brief(world.turn(4)) == "+alice -alice +alice");
    CHECK(world.follower->in_step());
}

TEST_CASE("a slot that was compared is followed at once, and leaves room for what others wait for",
          "[notifier][follower][resync]") {
    OneTracker world(kPair, {.trackers = {}, .waiting_max = 1});
    Comparing comparing(world, 1);
    world.tracker.online("alice", 2);
    CHECK(world.hear(2).empty());
    comparing.answer_of("alice", 3);
    CHECK(brief(world.turn(3)) == "+alice");
    world.tracker.offline("alice", 4);
    CHECK(brief(world.hear(4)) == "-alice");
    world.tracker.online("bob", 5);
    CHECK(world.hear(5).empty());
    comparing.answer_of("bob", 6);
    CHECK(brief(world.turn(6)) == "+bob");
    CHECK(world.tracker.replays == 0);
}

TEST_CASE("a comparison that begins anew forgets what waited for the one before",
          "[notifier][follower][resync]") {
    OneTracker world(kPair);
    Comparing first(world, 1);
    world.tracker.online("alice", 2);
    CHECK(world.hear(2).empty());
    world.tracker.online("bob", 3);
    world.lose();
    world.tracker.trim_to_last_rows(0);
    answer_tick(world, 3);
    CHECK(world.follower->counters()["resyncs"] == 2);
    Comparing second(world, 4);
    first.answer(4);
    CHECK(world.turn(4).empty());
    CHECK(world.follower->counters()["out_of_date"] == 2);
    CHECK(world.follower->next_wakeup() == at(4 + 2'000));  // only the new questions count
    second.answer_of("alice", 5);
    CHECK(brief(world.turn(5)) == "+alice~");
    world.tracker.offline("alice", 6);
    CHECK(brief(world.hear(6)) == "-alice");  // while bob's slot is still open
    second.answer_of("bob", 7);
    CHECK(brief(world.turn(7)) == "+bob~");
    CHECK(world.gaps == 0);  // nothing had been told
}

TEST_CASE("a snapshot of another run than the stream is asked for again",
          "[notifier][follower][resync]") {
    for (const std::uint64_t last : {0u, 9u}) {
        auto world = followed_pair();
        world.tracker.wipe();
        world.tracker.restart(2'000, 100);
        world.lose();
        world.on_tick(encode_tick({"t1", 3'000, last}), 101);  // of yet another
        CHECK(world.turn(101).empty());
        CHECK(world.follower->counters()["out_of_date"] > 0);
        CHECK(world.follower->counters()["snapshots"] == kPair.size());  // of the start
        CHECK_FALSE(world.follower->in_step());
        CHECK(world.follower->next_wakeup() == at(1'101));
        CHECK(world.tick(1'101).empty());
        CHECK_FALSE(world.follower->in_step());  // bob and alice may come again
    }
}

TEST_CASE("a snapshot of a lower epoch is not compared, and asked for again after a pause",
          "[notifier][follower][resync]") {
    auto world = followed_pair();
    world.tracker.wipe();
    world.tracker.restart(500, 100);  // nobody remembers, and the wall clock was set back
    world.lose();
    CHECK(world.tick(101).empty());
    CHECK_FALSE(world.follower->in_step());
    CHECK(world.follower->counters()["out_of_date"] == 2);
    CHECK(world.follower->next_wakeup() == at(1'101));
    CHECK(world.turn(60'000).empty());
    CHECK(world.follower->find("alice") != nullptr);
    CHECK(world.follower->find("bob") != nullptr);
}

TEST_CASE("a snapshot of the next run is asked for again, and the comparison goes on",
          "[notifier][follower][resync]") {
    OneTracker world(kPair);
    world.tracker.online("alice", 1);
    world.lose();
    world.on_tick(world.tracker.tick(), 2);
    std::vector<Event> events;
    const auto questions = world.questions_of_turn(2, events);
    world.tracker.restart(2'000, 100);
    world.on_batch(*world.tracker.batch(), 101);
    for (const auto& question : questions)
        world.on_answer(world.tracker.answer(question.bytes, 101), 101);
    CHECK(world.turn(101).empty());
    CHECK(brief(world.turn(1'101)) == "+alice~");
    CHECK(world.follower->counters()["resyncs"] == 1);
    CHECK(world.follower->in_step());
}

TEST_CASE(
    "what is left of a run is replayed at once, before the comparison goes on in the next one",
    "[notifier][follower][resync]") {
    OneTracker world(kPair);
    world.tracker.online("alice", 1);
    world.lose();
    world.answering = false;
    world.tick(2);
    for (int n = 0; n < 20; ++n) {
        world.tracker.offline("alice", 3);
        world.lose();
        world.tracker.online("alice", 3);
        world.lose();
    }
    world.tracker.restart(2'000, 100);
    world.tracker.online("bob", 101);
    world.lose();
    world.answering = true;
    // Many pages; a comparison would pause for a second after each.
    world.tick(3'000);
    world.tick(4'000);
    CHECK(world.follower->find("bob") != nullptr);
    CHECK(world.follower->in_step());
}

TEST_CASE("a run that ends while nothing more may wait is compared in the next one",
          "[notifier][follower][resync]") {
    OneTracker world(kPair, {.trackers = {}, .waiting_max = 1});
    world.tracker.online("alice", 1);
    world.lose();
    world.answering = false;
    world.tick(2);
    world.tracker.offline("alice", 3);
    world.hear(3);
    world.tracker.restart(2'000, 100);
    world.tracker.online("bob", 101);
    world.lose();
    world.answering = true;
    world.tick(102);
    CHECK(brief(world.tick(3'000)) == "+bob~");
    CHECK(world.follower->in_step());
    world.tracker.online("alice", 3'001);
    CHECK(brief(world.hear(3'001)) == "+alice");
}

TEST_CASE("a status that differs is a difference, the same one is not",
          "[notifier][follower][resync]") {
    auto world = followed_pair();
    world.tracker.online("alice", 11, "busy");
    world.lose();
    world.tracker.wipe();
    CHECK(brief(world.tick(1'000)) == "+alice=busy~");
    world.tracker.online("alice", 12, "busy");
    world.lose();
    world.tracker.wipe();
    CHECK(world.tick(2'000).empty());
}

TEST_CASE("a message of the run before changes nothing", "[notifier][follower][resync]") {
    auto world = followed_pair();
    world.tracker.offline("bob", 50);
    const auto late = *world.tracker.batch();
    world.tracker.restart(2'000, 100);
    CHECK(brief(world.hear(100)) == "-bob");
    world.on_batch(late, 101);
    CHECK(world.turn(101).empty());
    CHECK(world.follower->in_step());
}

TEST_CASE("a run with a lower boot is followed: the wall clock was set back",
          "[notifier][follower][resync]") {
    auto world = followed_pair();
    world.tracker.restart(500, 100);
    CHECK(world.hear(100).empty());
    CHECK(world.follower->in_step());
    CHECK(world.follower->cursor(0) == Cursor{500, 2});
}
