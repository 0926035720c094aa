#include <catch2/catch.hpp>

#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

namespace {

const std::vector<std::string> kUsers{"alice", "bob"};

OneTracker followed(notifier::FollowerOptions options = {}) {
    OneTracker world(kUsers, std::move(options));
    world.tick(0);
    for (const auto& user : kUsers)
        world.tracker.online(user, 1);
    world.hear(1);
    return world;
}

}  // namespace

TEST_CASE("a question without an answer is asked again, one at a time",
          "[notifier][follower][question]") {
    OneTracker world(kUsers);
    world.answering = false;
    world.tick(0);
    CHECK(world.asked == 2);
    world.turn(1'999);
    CHECK(world.asked == 2);
    CHECK(world.follower->next_wakeup() == at(2'000));
    world.turn(2'000);
    CHECK(world.asked == 3);
    CHECK(world.follower->stats().timeouts == 2);
    world.answering = true;
    world.tick(4'000);
    CHECK(world.follower->in_step());
}

TEST_CASE("no more than questions_max are under way at once", "[notifier][follower][question]") {
    OneTracker world({"a", "b", "c", "d", "e"}, {.trackers = {}, .questions_max = 2});
    world.answering = false;
    world.tick(0);
    CHECK(world.asked == 2);
    world.answering = true;
    world.tick(2'000);
    CHECK(world.follower->in_step());
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
    world.lose();
    CHECK(world.tick(2).size() == 7);
    CHECK(world.asked == 3);
    CHECK(world.follower->in_step());
}

TEST_CASE("an error answer leads to the same question after a pause",
          "[notifier][follower][question]") {
    for (const auto* const code : {"moved", "bad_cursor", "a new one"}) {
        OneTracker world({"alice"});
        std::vector<Event> events;
        world.on_tick(world.tracker.tick(), 0);
        const auto questions = world.questions_of_turn(0, events);
        REQUIRE(questions.size() == 1);
        const auto rid = std::get<Query>(decode_query(questions[0].bytes)).rid;
        Answer answer;
        answer.rid = rid;
        answer.body = QueryError{code, "no", "", rid};
        world.on_answer(encode_answer(answer), 1);
        CHECK(world.questions_of_turn(1, events).empty());
        CHECK(world.follower->next_wakeup() == at(1'001));
        world.tick(1'001);
        CHECK(world.follower->in_step());
        CHECK(world.follower->stats().errors == 1);
    }
}

TEST_CASE("a tracker that cannot replay just now is asked again, one that has no journal is not",
          "[notifier][follower][question]") {
    for (const std::string code : {"store", "unknown_op"}) {
        auto world = followed();
        world.tracker.offline("alice", 10);
        world.lose();
        world.on_tick(world.tracker.tick(), 10);
        std::vector<Event> events;
        const auto questions = world.questions_of_turn(10, events);
        Answer answer;
        answer.rid = std::get<Query>(decode_query(questions.at(0).bytes)).rid;
        answer.body = QueryError{code, "no", "", answer.rid};
        world.on_answer(encode_answer(answer), 11);
        CHECK(brief(world.turn(11)) == (code == "store" ? "" : "-alice~"));
        CHECK(brief(world.turn(1'011)) == (code == "store" ? "-alice" : ""));
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
        world.on_batch(encode_batch({"t1", 1'000, ++number, 0, {{s, e, seq, {event}}}}), 2);
    };
    world.on_batch("\xdd\x0f\xff\xff\xff", 2);
    world.on_tick("", 2);
    world.on_answer("nonsense", 2);
    world.on_batch(encode_batch({"t2", 1'000, 2, 0, {}}), 2);
    world.on_tick(encode_tick({"t2", 1'000, 2}), 2);
    batch(foreign, epoch, 2, "alice");                // another tracker's slot
    batch(slot, epoch, 0, "alice");                   // seqs begin with 1
    batch(slot, epoch, 2, "not of this slot");        // wrong hash
    batch(slot, epoch, 3, std::string("al\x01ice"));  // no id
    // This one cannot be read: its number is missing from here on.
    batch(slot, 1ull << 60, 2, "alice");  // no epoch
    CHECK(world.refused + world.follower->stats().refused == 10);
    CHECK(world.turn(3).empty());
    CHECK(world.follower->find("alice") != nullptr);
}

TEST_CASE("more users than users_max are not followed, and counted", "[notifier][follower]") {
    auto world = followed({.trackers = {}, .users_max = 1});
    CHECK(world.follower->stats().online == 1);
    CHECK(world.follower->stats().users_limit >= 1);
}
