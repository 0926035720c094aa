#include <catch2/catch.hpp>

#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

namespace {

const std::vector<std::string> kUsers{"alice", "bob", "carol"};

// Everyone in kUsers online, all told.
OneTracker followed() {
    OneTracker world(kUsers);
    for (const auto& user : kUsers)
        world.tracker.online(user, 1);
    world.hear(1);
    REQUIRE(world.follower.in_step());
    return world;
}

// One that told nothing new: the follower learns that it missed something, not what.
void lose_a_batch(OneTracker& world) {
    world.tracker.online("bob", 10);
    (void)world.tracker.batch();
    world.follower.on_tick(0, world.tracker.tick(), at(10));
}

}  // namespace

TEST_CASE("whoever is online in the first snapshots is handed out as a difference",
          "[notifier][follower]") {
    OneTracker world(kUsers);
    world.tracker.online("alice", 1);
    (void)world.tracker.batch();  // before the subscription
    const auto events = world.turn(5);
    REQUIRE(brief(events) == "+alice~");
    CHECK(events[0].reason == "reconcile");
    CHECK(events[0].at_ms == 1);
    // Nobody knows yet whether events will come: the subscription may not have arrived.
    CHECK_FALSE(world.follower.in_step());
    CHECK(world.tick(6).empty());
    CHECK(world.follower.in_step());
    CHECK(world.follower.find("alice") != nullptr);
    CHECK(world.follower.find("bob") == nullptr);
}

TEST_CASE("each transition is handed out once, with the tracker's own position",
          "[notifier][follower]") {
    OneTracker world(kUsers);
    world.turn(0);
    world.tracker.online("alice", 1);
    world.tracker.offline("alice", 2);
    const auto batch = *world.tracker.batch();
    world.follower.on_batch(0, batch, at(3));
    world.follower.on_batch(0, batch, at(3));
    const auto events = world.turn(3);
    REQUIRE(brief(events) == "+alice -alice");
    CHECK(events[0].seq == 1);
    CHECK(events[1].seq == 2);
    CHECK(events[1].epoch == world.tracker.epoch());
    CHECK(world.follower.stats().duplicates == 2);
}

TEST_CASE("a lost batch is noticed by the next one's number and repaired by snapshots",
          "[notifier][follower][gap]") {
    auto world = followed();
    world.tracker.offline("alice", 10);
    (void)world.tracker.batch();
    world.tracker.offline("bob", 11);
    CHECK(brief(world.hear(12)) == "-bob -alice~");
    CHECK(world.follower.in_step());
    CHECK(world.follower.stats().gaps == 1);
}

TEST_CASE("a lost last batch is noticed by the tick", "[notifier][follower][gap]") {
    auto world = followed();
    world.tracker.offline("alice", 10);
    (void)world.tracker.batch();
    CHECK(world.turn(500).empty());
    CHECK(brief(world.tick(1'000)) == "-alice~");
    CHECK(world.asked == 2 * kUsers.size());
}

TEST_CASE("slots whose events go on without a jump are not asked after a lost batch",
          "[notifier][follower][gap]") {
    auto world = followed();
    const auto asked = world.asked;
    world.tracker.offline("alice", 10);
    (void)world.tracker.batch();
    world.tracker.online("bob", 11, "away");
    world.tracker.online("carol", 11, "away");
    world.hear(12);
    CHECK(world.asked == asked + 1);
    CHECK(world.follower.in_step());
}

TEST_CASE("a jump in a slot's seq is a gap although batch numbers are contiguous",
          "[notifier][follower][gap]") {
    auto world = followed();
    const auto slot = slot_of(hash_of("alice"));
    Event event;
    event.user = "alice";
    event.state = State::offline;
    event.reason = "bye";
    event.ttl_ms = kTtlMs;
    (void)world.tracker.batch();
    world.follower.on_batch(
        0, encode_batch({"t1", 1'000, 2, 0, {{slot, world.tracker.epoch(), 5, {event}}}}), at(2));
    CHECK_FALSE(world.follower.in_step());
    CHECK(world.follower.stats().gaps == 1);
}

TEST_CASE("a snapshot that is ahead of the batches waits for them, so no event is swallowed",
          "[notifier][follower][snapshot]") {
    auto world = followed();
    lose_a_batch(world);
    world.tracker.offline("alice", 11);
    const auto late = *world.tracker.batch();
    CHECK(world.turn(12).empty());
    CHECK_FALSE(world.follower.in_step());
    world.follower.on_batch(0, late, at(13));
    const auto events = world.turn(13);
    CHECK(brief(events) == "-alice");
    CHECK(world.follower.in_step());
}

TEST_CASE("a snapshot that stays ahead is compared in the end", "[notifier][follower][snapshot]") {
    auto world = followed();
    lose_a_batch(world);
    world.tracker.offline("alice", 11);
    (void)world.tracker.batch();
    CHECK(world.turn(12).empty());
    CHECK(brief(world.turn(12 + 2'000)) == "-alice~");
}

TEST_CASE("a departure is not undone by an older snapshot", "[notifier][follower][snapshot]") {
    OneTracker world(kUsers);
    world.tracker.online("alice", 1);
    (void)world.tracker.batch();
    std::vector<Event> events;
    std::vector<notifier::Question> questions;
    world.follower.end_turn(at(2), {}, events, questions);
    REQUIRE(questions.size() == kUsers.size());
    std::vector<std::string> answers;
    for (const auto& question : questions)
        answers.push_back(world.tracker.answer(question.bytes, 2));
    world.tracker.offline("alice", 3);
    world.follower.on_batch(0, *world.tracker.batch(), at(4));
    for (const auto& answer : answers)
        world.follower.on_answer(0, answer, at(5));
    CHECK(brief(world.turn(5)) == "-alice");
    CHECK(world.follower.find("alice") == nullptr);
    CHECK(world.follower.in_step());
}

TEST_CASE("an event of a lower epoch is dropped", "[notifier][follower][epoch]") {
    auto world = followed();
    Event event;
    event.user = "alice";
    event.state = State::offline;
    event.reason = "timeout";
    world.follower.on_batch(
        0, encode_batch({"t1", 1'000, 2, 0, {{slot_of(hash_of("alice")), 17, 9, {event}}}}), at(2));
    CHECK(world.turn(2).empty());
    CHECK(world.follower.stats().out_of_date == 1);
}

TEST_CASE("a status that differs is a difference, the same one is not", "[notifier][follower]") {
    auto world = followed();
    world.tracker.online("alice", 10, "away");
    CHECK(brief(world.hear(10)) == "+alice=away");
    world.tracker.online("alice", 11, "busy");
    (void)world.tracker.batch();
    CHECK(brief(world.tick(1'000)) == "+alice=busy~");
    world.tracker.online("alice", 12, "busy");
    CHECK(world.hear(1'001).empty());
}
