#include <catch2/catch.hpp>

#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

namespace {

// Of one slot.
std::vector<std::string> neighbours(std::size_t count) {
    std::vector<std::string> users;
    for (int i = 0; users.size() < count; ++i)
        if (const auto user = "user" + std::to_string(i); slot_of(hash_of(user)) == 5)
            users.push_back(user);
    return users;
}

std::string with_body(const std::string& answer, decltype(Answer::body) body) {
    auto other = *decode_answer(answer);
    other.body = std::move(body);
    return encode_answer(other);
}

// The question under way, and what the tracker answers to it.
std::string answer_to_one(OneTracker& world, std::int64_t ms) {
    std::vector<Event> events;
    const auto questions = world.questions_of_turn(ms, events);
    REQUIRE(questions.size() == 1);
    CHECK(events.empty());
    return world.tracker.answer(questions[0].bytes, ms);
}

}  // namespace

TEST_CASE("a question without an answer is asked again, one at a time",
          "[notifier][follower][question]") {
    OneTracker world(kPair);
    world.answering = false;
    world.tick(0);
    CHECK(world.asked == 2);
    world.turn(1'999);
    CHECK(world.asked == 2);
    CHECK(world.follower->next_wakeup() == at(2'000));
    world.turn(2'000);
    CHECK(world.asked == 3);
    CHECK(world.follower->counters()["timeouts"] == 2);
    world.answering = true;
    world.tick(4'000);
    CHECK(world.follower->in_step());
}

TEST_CASE("a tracker that answers again is asked as much at once as before",
          "[notifier][follower][question]") {
    OneTracker world({"a", "b", "c", "d", "e"});
    world.answering = false;
    world.tick(0);
    world.asked = 0;
    const auto answer = [&] {
        std::vector<Event> events;
        const auto questions = world.questions_of_turn(2'000, events);
        REQUIRE(questions.size() == 1);  // it may be gone
        return world.tracker.answer(questions[0].bytes, 2'000);
    }();
    world.on_answer(answer, 2'000);
    world.turn(2'000);
    CHECK(world.asked == 1 + 4);
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
    const auto users = neighbours(7);
    OneTracker world(users, {}, 3);
    for (const auto& user : users)
        world.tracker.online(user, 1);
    world.lose();
    CHECK(world.tick(2).size() == 7);
    CHECK(world.asked == 3);
    CHECK(world.follower->in_step());
}

TEST_CASE(
    "an answer that breaks the contract is refused, and the question asked again after a pause",
    "[notifier][follower][question]") {
    const auto slot = slot_of(hash_of("alice"));
    const SnapshotAnswer good{slot, 1'000 * 1024, 1, 1'000, 1, 1'000'000, {}, ""};
    auto other_slot = good;
    other_slot.slot = slot == 0 ? 1 : 0;
    auto no_epoch = good;
    no_epoch.epoch = 0;
    auto no_seq = good;
    no_seq.seq = 1ull << 53;
    auto no_end = good;  // a page without users that says there are more
    no_end.cursor = "0";
    const std::vector<decltype(Answer::body)> bodies{
        other_slot, no_epoch, no_seq, no_end, ReplayAnswer{1'000, 1, {}}, CountAnswer{}};
    for (const auto& body : bodies) {
        OneTracker world({"alice"});
        world.tracker.online("alice", 0);
        world.lose();
        world.on_tick(world.tracker.tick(), 0);
        world.on_answer(with_body(answer_to_one(world, 0), body), 1);
        CHECK(world.follower->counters()["refused"] == 1);
        CHECK(world.turn(1'000).empty());
        CHECK(world.follower->next_wakeup() == at(1'001));
        CHECK(brief(world.turn(1'001)) == "+alice~");
        CHECK(world.follower->in_step());
    }
}

TEST_CASE("a snapshot instead of a replay is refused, and the replay asked for again",
          "[notifier][follower][question]") {
    OneTracker world({"alice"});
    world.tick(0);
    world.tracker.online("alice", 1);
    world.lose();
    world.on_tick(world.tracker.tick(), 1);
    const SnapshotAnswer page{
        slot_of(hash_of("alice")), 1'000 * 1024, 1, 1'000, 1, 1'000'000, {}, ""};
    world.on_answer(with_body(answer_to_one(world, 1), page), 2);
    CHECK(world.follower->counters()["refused"] == 1);
    CHECK(world.turn(2).empty());
    CHECK(world.follower->next_wakeup() == at(1'002));
    CHECK(brief(world.turn(1'002)) == "+alice");
    CHECK(world.follower->in_step());
}

TEST_CASE("pages of different snapshots are not taken for one", "[notifier][follower][question]") {
    for (const std::string what : {"epoch", "seq", "batch", "boot"}) {
        const auto users = neighbours(4);
        OneTracker world(users, {}, 2);
        for (const auto& user : users)
            world.tracker.online(user, 1);
        world.lose();
        world.on_tick(world.tracker.tick(), 2);
        world.on_answer(answer_to_one(world, 2), 2);
        const auto second = answer_to_one(world, 3);
        auto page = std::get<SnapshotAnswer>(decode_answer(second)->body);
        page.epoch += what == "epoch" ? 1 : 0;
        page.seq += what == "seq" ? 1 : 0;
        page.batch += what == "batch" ? 1 : 0;
        page.boot += what == "boot" ? 1 : 0;
        world.on_answer(with_body(second, page), 3);
        CHECK(world.follower->counters()["refused"] == 1);
        CHECK(world.turn(3).empty());
        CHECK(world.turn(1'003).size() == 4);
        CHECK(world.follower->in_step());
    }
}

TEST_CASE("a snapshot from before the place where the stream goes on is not compared",
          "[notifier][follower][question]") {
    for (const bool restarted : {false, true}) {
        OneTracker world({"alice"});
        world.tracker.online("alice", 1);
        world.lose();
        world.on_tick(world.tracker.tick(), 2);
        if (restarted) {
            CHECK(answer_to_one(world, 2).size() > 0);
            world.restart_follower();
            world.on_tick(world.tracker.tick(), 2);
        }
        const auto answer = answer_to_one(world, 2);
        auto page = std::get<SnapshotAnswer>(decode_answer(answer)->body);
        page.batch = 0;
        world.on_answer(with_body(answer, page), 3);
        CHECK(world.follower->counters()["out_of_date"] == 1);
        CHECK(world.turn(3).empty());
        CHECK(brief(world.turn(1'003)) == "+alice~");
    }
}

TEST_CASE("a snapshot that its tracker dropped between two pages is begun anew at once",
          "[notifier][follower][question]") {
    const auto users = neighbours(4);
    OneTracker world(users, {}, 2);
    for (const auto& user : users)
        world.tracker.online(user, 1);
    world.lose();
    world.on_tick(world.tracker.tick(), 2);
    world.on_answer(answer_to_one(world, 2), 2);
    const auto second = answer_to_one(world, 3);
    world.on_answer(with_body(second, QueryError{"bad_cursor", "dropped", "", {}}), 3);
    CHECK(world.turn(3).size() == 4);
    CHECK(world.follower->in_step());
}

TEST_CASE("a snapshot holds no more than users_max, whatever its pages say",
          "[notifier][follower][question]") {
    for (const std::uint64_t users_max : {3u, 4u}) {
        const auto users = neighbours(4);
        OneTracker world(users, {.trackers = {}, .users_max = users_max}, 2);
        for (const auto& user : users)
            world.tracker.online(user, 1);
        world.lose();
        CHECK(world.tick(2).size() == (users_max == 4 ? 4 : 0));
        CHECK(world.follower->counters()["refused"] == (users_max == 4 ? 0 : 1));
    }
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
        CHECK(world.follower->counters()["errors"] == 1);
        CHECK(world.follower->next_wakeup() == Instant::max());  // nothing is left to do
    }
}

TEST_CASE("a tracker that cannot replay just now is asked again, one that has no journal is not",
          "[notifier][follower][question]") {
    for (const std::string code : {"store", "unknown_op"}) {
        auto world = followed_pair();
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

TEST_CASE(
    "where the journal does not tell, the comparison begins at once, whatever was refused before",
    "[notifier][follower][question]") {
    OneTracker world(kPair);
    Comparing comparing(world, 0);
    world.tracker.online("alice", 1);
    world.lose();
    world.tracker.trim_to_last_rows(0);
    world.on_tick(world.tracker.tick(), 2);
    const auto too_old = answer_to_one(world, 2);
    world.on_answer(with_body(comparing.answers[0], QueryError{"moved", "", "", {}}), 3);
    world.on_tick(world.tracker.tick(), 4);  // still missing
    world.on_answer(too_old, 4);
    CHECK(brief(world.turn(4)) == "+alice~");
    CHECK(world.follower->in_step());
    CHECK(world.tracker.replays == 1);
}

TEST_CASE("what is no message of the tracker is refused and counted", "[notifier][follower]") {
    auto world = followed_pair();
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
    world.on_tick(encode_tick({"t1", 0, 2}), 2);  // runs have a boot
    world.on_batch(encode_batch({"t1", 0, 2, 0, {}}), 2);
    world.on_batch(encode_batch({"t1", 1'000, 0, 0, {}}), 2);  // batches are numbered from 1
    batch(foreign, epoch, 2, "alice");                         // another tracker's slot
    batch(slot, epoch, 0, "alice");                            // seqs begin with 1
    batch(slot, epoch, 2, "not of this slot");                 // wrong hash
    batch(slot, epoch, 3, std::string("al\x01ice"));           // no id
    // This one cannot be read: its number is missing from here on.
    batch(slot, 1ull << 60, 2, "alice");  // no epoch
    CHECK(world.refused + world.follower->counters()["refused"] == 13);
    CHECK(world.turn(3).empty());
    CHECK(world.follower->find("alice") != nullptr);
}

TEST_CASE("more users than users_max are not followed, and counted", "[notifier][follower]") {
    auto world = followed_pair({.trackers = {}, .users_max = 1});
    CHECK(world.follower->online() == 1);
    CHECK(world.follower->counters()["users_limit"] >= 1);
}
