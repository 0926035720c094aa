#include <catch2/catch.hpp>

#include "common/backoff.hpp"
#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

TEST_CASE("events are handed out in order, one chunk at a time", "[notifier][delivery]") {
    auto sink = one_sink({.retries = {.chunk_max = 2}});
    sink.say(true, "alice");
    sink.say(false, "alice");
    sink.say(true, "alice");
    sink.batch();
    const auto first = sink.next();
    REQUIRE(first);
    CHECK(brief(first->chunk) == "+alice -alice");
    CHECK(first->keep);
    CHECK_FALSE(sink.next());
    CHECK(sink.delivery->next_wakeup() == Instant::max());
    sink.done(*first);
    const auto second = sink.next();
    REQUIRE(second);
    CHECK(brief(second->chunk) == "+alice");
    CHECK_FALSE(second->keep);  // it was kept with the first
    CHECK(sink.delivery->counters()["waiting"] == 1);
    sink.done(*second);
    CHECK(sink.delivery->idle());
    CHECK(sink.delivery->counters()["waiting"] == 0);
    CHECK(sink.delivery->counters()["delivered"] == 3);
}

TEST_CASE("what waits is taken in about a chunk at a time, so that not too much is kept at once",
          "[notifier][delivery]") {
    auto sink = one_sink({.retries = {.chunk_max = 2}});
    for (const bool online : {true, false, true, false, true}) {
        sink.say(online, "alice");
        sink.batch();
    }
    CHECK(sink.delivery->counters()["waiting"] == 5);
    for (const std::size_t size : {2u, 2u, 1u}) {
        CHECK(sink.delivery->next_wakeup() <= at(sink.ms));
        const auto job = sink.next();
        REQUIRE(job);
        CHECK(job->chunk.size() == size);
        CHECK(notifier::decode_row(job->keep->changes)->changes.size() == size);
        sink.done(*job);
    }
    CHECK(sink.delivery->next_wakeup() == Instant::max());
}

TEST_CASE("that each tracker was heard is known while the sink has something to take",
          "[notifier][delivery]") {
    FollowerOptions follower;
    follower.trackers = {"t1", "t2"};
    Delivery delivery({.queue_max = 1}, follower, map_of(follower.trackers, kUsers), 7);
    CHECK_FALSE(delivery.heard_all());
    for (int n = 0; n < 2; ++n)
        delivery.on_heard(message_of_tick(0, "t1", encode_tick({"t1", 1'000, 0})));
    CHECK_FALSE(delivery.heard_all());
    delivery.on_heard(message_of_tick(1, "t2", encode_tick({"t2", 1'000, 0})));
    CHECK(delivery.heard_all());
}

TEST_CASE("what was not taken is handed out again, the same, after a backoff",
          "[notifier][delivery][backoff]") {
    auto sink = one_sink({.retries = {.backoff_first = 100ms, .backoff_max = 1s}});
    sink.say(true, "alice");
    sink.batch();
    const auto first = sink.next();
    REQUIRE(first);
    sink.say(false, "alice");
    sink.batch();
    sink.delivery->on_failed(at(sink.ms));
    const auto wakeup = sink.delivery->next_wakeup();
    CHECK(wakeup <= at(sink.ms) + 100ms);
    CHECK_FALSE(sink.delivery->next(wakeup - 1us));
    const auto again = sink.delivery->next(wakeup);
    REQUIRE(again);
    CHECK(again->chunk == first->chunk);
    CHECK(again->keep == first->keep);
    sink.keep(*again);
    sink.done(*again);
    CHECK(brief(sink.told()) == "-alice");
}

TEST_CASE("a place that names when it will take more is not tried before",
          "[notifier][delivery][backoff]") {
    auto sink = one_sink();
    sink.say(true, "alice");
    sink.batch();
    REQUIRE(sink.next());
    sink.delivery->on_failed(at(sink.ms), {.retry_after = 30s});
    CHECK(sink.delivery->next_wakeup() >= at(sink.ms) + 30s);
    CHECK(sink.delivery->next_wakeup() <= at(sink.ms) + 31s);
}

TEST_CASE("pauses grow to a bound, are jittered, and begin anew after a success",
          "[notifier][backoff]") {
    notifier::Backoff backoff(100ms, 1s, 1);
    std::set<Duration> seen;
    auto bound = Duration(100ms);
    for (int n = 0; n < 200; ++n) {
        const auto pause = backoff.next();
        REQUIRE(pause >= Duration(0));
        REQUIRE(pause < bound);
        seen.insert(pause);
        bound = std::min<Duration>(bound * 2, 1s);
    }
    CHECK(seen.size() > 150);
    CHECK(*seen.rbegin() > 900ms);
    backoff.reset();
    CHECK(backoff.next() < 100ms);
}

TEST_CASE("a sink that wants the newest is not told what was over when it came to it",
          "[notifier][delivery][latest]") {
    auto sink = one_sink({.mode = Delivery::Mode::latest});
    sink.say(true, "bob");
    sink.batch();
    const auto job = sink.next();
    REQUIRE(job);
    CHECK(brief(job->chunk) == "+bob");
    for (const bool online : {true, false, true, false}) {
        sink.say(online, "alice");
        sink.batch();
    }
    sink.say(true, "carol");
    sink.say(true, "carol", "away");
    sink.say(false, "bob");
    sink.say(true, "bob");
    sink.batch();
    sink.keep(*job);
    sink.done(*job);
    CHECK(brief(sink.told()) == "+carol=away");  // bob was and is, alice was not and is not
    sink.say(true, "carol", "back");
    sink.say(true, "carol", "away");
    sink.batch();
    CHECK(sink.told().empty());
    sink.say(false, "bob");
    sink.batch();
    CHECK(brief(sink.told()) == "-bob");
}

TEST_CASE("a sink that wants the newest waits for the end of what is replayed, at most a second",
          "[notifier][delivery][latest]") {
    for (const bool in_time : {true, false}) {
        auto sink = one_sink({.mode = Delivery::Mode::latest});
        for (const bool online : {true, false, true}) {
            sink.say(online, "alice");
            (void)sink.tracker.batch();
        }
        sink.say(true, "bob");
        (void)sink.tracker.batch();
        sink.tracker.page_rows = 1;
        sink.tick();
        // A page of the replay.
        const auto page = [&] {
            std::vector<Question> questions;
            sink.delivery->turn(at(sink.ms), WallOffset{}, questions);
            REQUIRE(questions.size() == 1);
            sink.delivery->on_heard(
                message_of_answer(0, sink.tracker.answer(questions[0].bytes, sink.ms)));
        };
        page();
        page();  // alice came, and more is asked for
        const auto since = sink.ms;
        CHECK(sink.delivery->counters()["waiting"] == 1);
        CHECK_FALSE(sink.delivery->next(at(sink.ms)));
        sink.ms = since + 999;
        page();  // and left
        if (in_time) {
            CHECK_FALSE(sink.delivery->next(at(sink.ms)));
            CHECK(brief(sink.told()) == "+alice +bob");
            continue;
        }
        std::vector<Question> questions;
        sink.delivery->turn(at(sink.ms), WallOffset{}, questions);
        CHECK_FALSE(sink.delivery->next(at(sink.ms)));
        CHECK(sink.delivery->next_wakeup() == at(since + 1'000));
        sink.ms = since + 1'000;
        sink.delivery->turn(at(sink.ms), WallOffset{}, questions);
        const auto job = sink.delivery->next(at(sink.ms));
        REQUIRE(job);
        CHECK(brief(job->chunk) == "+alice");  // the newest so far
    }
}

TEST_CASE("a sink that wants the newest does not wait for it once queue_max changes do",
          "[notifier][delivery][latest]") {
    auto sink = one_sink({.mode = Delivery::Mode::latest, .queue_max = 2});
    for (const auto& user : {"alice", "bob", "carol"}) {
        sink.say(true, user);
        (void)sink.tracker.batch();
    }
    sink.tracker.page_rows = 1;
    sink.tick();
    for (int page = 0; page < 3; ++page) {
        std::vector<Question> questions;
        sink.delivery->turn(at(sink.ms), WallOffset{}, questions);
        REQUIRE(questions.size() == 1);
        sink.delivery->on_heard(
            message_of_answer(0, sink.tracker.answer(questions[0].bytes, sink.ms)));
        if (page < 2) CHECK_FALSE(sink.delivery->next(at(sink.ms)));
    }
    const auto job = sink.delivery->next(at(sink.ms));
    REQUIRE(job);
    CHECK(brief(job->chunk) == "+alice +bob");
}

TEST_CASE("a gap that nobody can fill is told, where each change counts",
          "[notifier][delivery][gap]") {
    for (const auto mode : {Delivery::Mode::every, Delivery::Mode::latest}) {
        auto sink = one_sink({.mode = mode});
        sink.say(true, "alice");
        sink.batch();
        CHECK(brief(sink.told()) == "+alice");
        sink.say(false, "alice");
        (void)sink.tracker.batch();
        sink.tracker.trim_to_last_rows(0);
        sink.tick();
        const auto told = sink.told();
        REQUIRE(told.size() == (mode == Delivery::Mode::every ? 2 : 1));
        CHECK(brief({told.back()}) == "-alice~");
        if (mode == Delivery::Mode::latest) continue;
        CHECK(to_json(told[0]) == R"({"id":"gap.t1.2","notice":"gap","tracker":"t1","at_ms":2})");
    }
}
