#include <catch2/catch.hpp>

#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

namespace {

const std::vector<std::string> kUsers{"alice", "bob"};

OneTracker followed(notifier::FollowerOptions options = {}) {
    OneTracker world(kUsers, std::move(options));
    for (const auto& user : kUsers)
        world.tracker.online(user, 1);
    world.hear(1);
    return world;
}

}  // namespace

TEST_CASE(
    "who is missing after a tracker's restart is told offline only once the evidence covers "
    "their ttl",
    "[notifier][follower][restart]") {
    auto world = followed();
    world.tracker.restart(2'000, 100);
    CHECK(world.tick(100).empty());
    CHECK_FALSE(world.follower.in_step());
    world.tracker.online("alice", 900);
    CHECK(world.hear(900).empty());  // still online, nothing new

    auto events = world.turn(100 + kTtlMs - 1);
    CHECK(events.empty());
    for (std::int64_t ms = 100 + kTtlMs; ms < 4'000 && events.empty(); ms += 100)
        events = world.turn(ms);
    CHECK(brief(events) == "-bob~");
    CHECK(world.follower.in_step());
    CHECK(world.follower.find("alice")->epoch == world.tracker.epoch());
}

TEST_CASE("a new run is noticed by its first batch, whose events are not lost",
          "[notifier][follower][restart]") {
    auto world = followed();
    world.tracker.restart(2'000, 100);
    world.tracker.online("alice", 101, "back");
    world.tracker.offline("alice", 102);
    const auto events = world.hear(103);
    CHECK(brief(events) == "+alice=back -alice");
}

TEST_CASE("a message of the run before is dropped, also when it comes after the new one's",
          "[notifier][follower][restart]") {
    auto world = followed();
    world.tracker.offline("bob", 50);
    const auto late = *world.tracker.batch();
    world.tracker.restart(2'000, 100);
    world.tick(100);
    world.follower.on_batch(0, late, at(101));
    CHECK(world.turn(101).empty());
    CHECK(world.follower.stats().out_of_date == 1);
}

TEST_CASE("a run with a lower boot is followed once the one before is silent",
          "[notifier][follower][restart]") {
    auto world = followed();
    world.tracker.restart(500, 100);  // the wall clock was set back
    world.tick(100);
    CHECK(world.follower.stats().gaps == 0);
    world.tick(9'000);
    CHECK(world.follower.stats().gaps == 1);
}

TEST_CASE("a question without an answer is asked again, one at a time",
          "[notifier][follower][question]") {
    OneTracker world(kUsers);
    world.answering = false;
    world.turn(0);
    CHECK(world.asked == 2);
    world.turn(1'999);
    CHECK(world.asked == 2);
    CHECK(world.follower.next_wakeup() == at(2'000));
    world.turn(2'000);
    CHECK(world.asked == 3);
    CHECK(world.follower.stats().timeouts == 2);
    world.answering = true;
    world.tick(4'000);
    CHECK(world.follower.in_step());
}

TEST_CASE("no more than questions_max are under way at once", "[notifier][follower][question]") {
    OneTracker world({"a", "b", "c", "d", "e"}, {.trackers = {}, .questions_max = 2});
    world.answering = false;
    world.turn(0);
    CHECK(world.asked == 2);
    world.answering = true;
    world.tick(2'000);
    CHECK(world.follower.in_step());
}

TEST_CASE("a snapshot is read page after page", "[notifier][follower][question]") {
    // Users of one slot.
    std::vector<std::string> users;
    for (int i = 0; users.size() < 7; ++i)
        if (const auto user = "user" + std::to_string(i); slot_of(hash_of(user)) == 5)
            users.push_back(user);
    OneTracker world(users, {}, 3);
    for (const auto& user : users)
        world.tracker.online(user, 1);
    (void)world.tracker.batch();
    CHECK(world.turn(2).size() == 7);
    CHECK(world.asked == 3);
    world.tick(3);
    CHECK(world.follower.in_step());
}

TEST_CASE("an error answer leads to the same question after a pause",
          "[notifier][follower][question]") {
    for (const auto* const code : {"moved", "bad_cursor", "a new one"}) {
        OneTracker world({"alice"});
        std::vector<Event> events;
        std::vector<notifier::Question> questions;
        world.follower.end_turn(at(0), {}, events, questions);
        REQUIRE(questions.size() == 1);
        const auto rid = std::get<Query>(decode_query(questions[0].bytes)).rid;
        Answer answer;
        answer.rid = rid;
        answer.body = QueryError{code, "no", "", rid};
        world.follower.on_answer(0, encode_answer(answer), at(1));
        questions.clear();
        world.follower.end_turn(at(1), {}, events, questions);
        CHECK(questions.empty());
        CHECK(world.follower.next_wakeup() == at(1'001));
        world.tick(1'001);
        CHECK(world.follower.in_step());
        CHECK(world.follower.stats().errors == 1);
    }
}

TEST_CASE("what is no message of the tracker is refused and counted", "[notifier][follower]") {
    auto world = followed();
    Event event;
    event.user = "alice";
    event.state = State::offline;
    const auto slot = slot_of(hash_of("alice"));
    const Slot foreign = slot == 0 ? 1 : 0;
    const auto epoch = world.tracker.epoch();
    std::uint64_t number = 1;
    const auto batch = [&](Slot s, Epoch e, std::uint64_t seq, const std::string& user) {
        event.user = user;
        world.follower.on_batch(0, encode_batch({"t1", 1'000, ++number, 0, {{s, e, seq, {event}}}}),
                                at(2));
    };
    world.follower.on_batch(0, "\xdd\x0f\xff\xff\xff", at(2));
    world.follower.on_tick(0, "", at(2));
    world.follower.on_answer(0, "nonsense", at(2));
    world.follower.on_batch(0, encode_batch({"t2", 1'000, 2, 0, {}}), at(2));
    world.follower.on_tick(0, encode_tick({"t2", 1'000, 2}), at(2));
    batch(foreign, epoch, 2, "alice");                // another tracker's slot
    batch(slot, 1ull << 60, 2, "alice");              // no epoch
    batch(slot, epoch, 0, "alice");                   // seqs begin with 1
    batch(slot, epoch, 2, "not of this slot");        // wrong hash
    batch(slot, epoch, 3, std::string("al\x01ice"));  // no id
    CHECK(world.follower.stats().refused >= 9);
    CHECK(world.turn(3).empty());
    CHECK(world.follower.find("alice") != nullptr);
}

TEST_CASE("more users than users_max are not followed, and counted", "[notifier][follower]") {
    OneTracker world(kUsers, {.trackers = {}, .users_max = 1});
    for (const auto& user : kUsers)
        world.tracker.online(user, 1);
    world.hear(1);
    CHECK(world.follower.stats().online == 1);
    CHECK(world.follower.stats().users_limit >= 1);
}

TEST_CASE("when too many depart during a question its answer is not compared",
          "[notifier][follower][snapshot]") {
    OneTracker world({"alice"}, {.trackers = {}, .departures_max = 0});
    world.tracker.online("alice", 1);
    (void)world.tracker.batch();
    std::vector<Event> events;
    std::vector<notifier::Question> questions;
    world.follower.end_turn(at(2), {}, events, questions);
    const auto answer = world.tracker.answer(questions.at(0).bytes, 2);
    world.tracker.offline("alice", 3);
    world.follower.on_batch(0, *world.tracker.batch(), at(4));
    world.follower.on_answer(0, answer, at(5));
    CHECK(brief(world.turn(5)) == "-alice");
    CHECK_FALSE(world.follower.in_step());
    CHECK(world.turn(1'100).empty());
    CHECK(world.follower.in_step());
}
