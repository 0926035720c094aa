#include <catch2/catch.hpp>

#include "common/wire/tracker_list.hpp"
#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

TEST_CASE(
    "who is missing after a tracker lost its journal is told offline only once the evidence "
    "covers their ttl",
    "[notifier][follower][evidence]") {
    auto world = followed_pair();
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    CHECK(world.hear(100).empty());
    CHECK_FALSE(world.follower->in_step());
    CHECK(world.follower->open_slots(0).size() == 2);  // there is more to compare
    world.tracker.online("alice", 900);
    CHECK(world.hear(900).empty());  // still online, nothing new

    CHECK(world.turn(100 + kTtlMs - 1).empty());
    const auto events = world.turn(100 + kTtlMs);
    CHECK(brief(events) == "-bob~");
    CHECK(world.follower->in_step());
    CHECK(world.follower->cursor(0) == Cursor{2'000, 2});
    CHECK(world.follower->find("alice") != nullptr);
}

// It is one slot's, taken for all that the tracker owns; and what it owns hangs on the list.
TEST_CASE("evidence of a tracker that goes by another list ends nobody",
          "[notifier][follower][evidence]") {
    auto world = followed_pair();
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.hear(100);
    world.tracker.list = "2/0123456789abcdef";
    CHECK(world.turn(100 + kTtlMs).empty());
    CHECK(world.turn(5 * kTtlMs).empty());
    const auto own = text_of(rank_of(world.map));
    world.tracker.list = "2" + own.substr(own.find('/'));  // another version of the same
    CHECK(brief(world.turn(6 * kTtlMs)) == "-bob~ -alice~");
}

TEST_CASE("evidence that stands still is asked for at a pause", "[notifier][follower][evidence]") {
    auto world = followed_pair();
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.hear(100);
    const auto asked = world.asked;
    for (std::int64_t ms = 2'100; ms < 7'100; ms += 10) {
        world.tracker.covered_since_ms = ms;  // frozen
        CHECK(world.turn(ms).empty());
    }
    CHECK(world.asked >= asked + 2);
    CHECK(world.asked <= asked + 5);
}

TEST_CASE("evidence is asked for until there is an answer", "[notifier][follower][evidence]") {
    for (const bool lost : {true, false}) {
        auto world = followed_pair();
        world.tracker.wipe();
        world.tracker.restart(2'000, 100);
        world.hear(100);
        std::vector<Event> events;
        const auto questions = world.questions_of_turn(2'100, events);
        REQUIRE(questions.size() == 1);
        CHECK(world.questions_of_turn(2'100, events).empty());
        if (!lost) {
            Answer answer;
            answer.rid = std::get<Query>(decode_query(questions[0].bytes)).rid;
            answer.body = QueryError{"store", "not now", "", answer.rid};
            world.on_answer(encode_answer(answer), 2'100);
            CHECK(world.turn(3'099).empty());
        }
        CHECK(world.follower->next_wakeup() == at(lost ? 4'100 : 3'100));
        CHECK(world.turn(lost ? 4'100 : 3'100).size() == 2);
        CHECK(world.follower->in_step());
    }
}

TEST_CASE(
    "evidence that is due while a pause runs, or while nothing more may be asked, wakes nobody",
    "[notifier][follower][evidence]") {
    for (const bool refused : {true, false}) {
        auto world = followed_pair();
        world.tracker.wipe();
        world.tracker.restart(2'000, 100);
        world.hear(100);
        world.tracker.online("alice", 2'000);
        world.lose();
        world.on_tick(world.tracker.tick(), 2'050);
        std::vector<Event> events;
        const auto questions = world.questions_of_turn(2'050, events);  // for a replay
        REQUIRE(questions.size() == 1);
        world.answering = false;
        if (refused) {
            Answer answer;
            answer.rid = std::get<Query>(decode_query(questions[0].bytes)).rid;
            answer.body = QueryError{"store", "not now", "", answer.rid};
            world.on_answer(encode_answer(answer), 2'060);
            world.turn(2'100);
            CHECK(world.follower->next_wakeup() == at(3'060));
        } else {
            for (const std::int64_t ms : {2'100, 4'050, 4'100})
                world.turn(ms);
            // The tracker is silent, so only the replay is asked for.
            CHECK(world.follower->next_wakeup() == at(6'100));
        }
    }
}

TEST_CASE("evidence is asked for when it may suffice, not before",
          "[notifier][follower][evidence]") {
    auto world = followed_pair();
    world.tracker.ttl_grows("bob", 2, 60'000);
    CHECK(world.hear(2).empty());
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.hear(100);
    CHECK(brief(world.turn(100 + kTtlMs)) == "-alice~");
    const auto asked = world.asked;
    CHECK(world.follower->next_wakeup() == at(60'100));
    for (std::int64_t ms = 3'000; ms < 60'100; ms += 1'000)
        CHECK(world.turn(ms).empty());
    CHECK(world.asked == asked);
    CHECK(brief(world.turn(60'100)) == "-bob~");
}

TEST_CASE("no evidence is asked for once all in doubt have come",
          "[notifier][follower][evidence]") {
    auto world = followed_pair();
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.hear(100);
    for (const auto& user : kPair)
        world.tracker.online(user, 900);
    CHECK(world.hear(900).empty());
    CHECK(world.follower->in_step());
    const auto asked = world.asked;
    CHECK(world.turn(100 + kTtlMs).empty());
    CHECK(world.asked == asked);
    CHECK(world.follower->next_wakeup() == Instant::max());
}

TEST_CASE("evidence tells nothing of a slot that is not compared yet: they may have come meanwhile",
          "[notifier][follower][evidence]") {
    auto world = followed_pair({.trackers = {}, .answer_timeout = 1min});
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.hear(100);  // both are in doubt
    world.tracker.wipe();
    world.tracker.restart(3'000, 200);
    world.lose();
    answer_tick(world, 200);
    Comparing comparing(world, 200);
    comparing.answer_of("alice", 200);
    world.tracker.online("bob", 1'000);
    CHECK(world.hear(1'000).empty());
    CHECK(brief(world.turn(200 + kTtlMs)) == "-alice~");
    comparing.answer_of("bob", 2'300);
    CHECK(world.turn(2'300).empty());
    CHECK(world.follower->in_step());
}

TEST_CASE("evidence that was asked for before tells little of a slot taken over since",
          "[notifier][follower][evidence]") {
    auto world = followed_pair({.trackers = {}, .answer_timeout = 1min});
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.tracker.taken_ms[slot_of(hash_of(std::string("bob")))] = 2'100;
    world.lose();
    std::vector<Event> events;
    answer_tick(world, 200);
    Comparing comparing(world, 200);
    comparing.answer_of("alice", 200);
    const auto questions = world.questions_of_turn(100 + kTtlMs + 100, events);
    REQUIRE(questions.size() == 1);  // for evidence, of alice's slot
    comparing.answer_of("bob", 2'250);
    world.on_answer(world.tracker.answer(questions[0].bytes, 2'300), 2'300);
    CHECK(brief(world.turn(2'300)) == "-alice~");
    CHECK(world.turn(2'100 + kTtlMs - 1).empty());
    CHECK(brief(world.turn(2'100 + kTtlMs + 1'000)) == "-bob~");
}

TEST_CASE("evidence counts once what was said until then has come",
          "[notifier][follower][evidence]") {
    auto world = followed_pair();
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.hear(100);
    world.tracker.online("alice", 1'900);
    world.tracker.online("bob", 1'900);
    world.lose();
    CHECK(world.turn(2'100).empty());  // the answer tells of a batch that did not come
    CHECK_FALSE(world.follower->in_step());
    CHECK(world.tick(3'000).empty());
    CHECK(world.follower->in_step());
}

TEST_CASE("the evidence for one slot tells nothing of another that its tracker took over later",
          "[notifier][follower][evidence]") {
    for (const std::string taken : {"alice", "bob"}) {
        const std::string other = taken == "alice" ? "bob" : "alice";
        auto world = followed_pair();
        world.tracker.ttl_grows(other, 2, 11'000);
        CHECK(world.hear(2).empty());
        world.tracker.wipe();
        world.tracker.restart(2'000, 100);
        world.tracker.taken_ms[slot_of(hash_of(taken))] = 10'000;
        world.lose();
        // Of the one the evidence reaches back 10 s, of the other 100 ms.
        CHECK(world.tick(10'100).empty());
        // Now it suffices for whoever has the longer ttl.
        CHECK(world.turn(11'100).empty());
        CHECK(brief(world.turn(12'100)) == "-" + taken + "~");
        CHECK(brief(world.turn(21'000)) == "-" + other + "~");
        CHECK(world.follower->in_step());
    }
}

TEST_CASE("whom late evidence finds offline, is offline as of then",
          "[notifier][follower][evidence]") {
    auto world = followed_pair();
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.hear(100);
    world.tracker.online("alice", 1'900);
    world.lose();
    CHECK(world.turn(2'100).empty());
    const auto events = world.tick(2'900);
    REQUIRE(brief(events) == "-bob~");
    CHECK(events[0].at_ms == 2'900);
}

TEST_CASE("evidence of a run that ended before it could count is asked for in the next",
          "[notifier][follower][evidence]") {
    auto world = followed_pair();
    world.tracker.wipe();
    world.tracker.restart(2'000, 100);
    world.hear(100);
    world.tracker.online("alice", 1'900);
    world.lose();
    CHECK(world.turn(2'100).empty());
    CHECK(world.follower->next_wakeup() == at(3'100));
    world.tracker.restart(3'000, 2'200);
    world.tracker.covered_since_ms = 100;
    CHECK(world.hear(2'200).empty());
    CHECK(brief(world.turn(3'100)) == "-bob~");
    CHECK(world.follower->in_step());
}
