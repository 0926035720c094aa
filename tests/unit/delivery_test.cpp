#include <catch2/catch.hpp>

#include "notifier/backoff.hpp"
#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

namespace {

const std::vector<std::string> kUsers{"alice", "bob", "carol", "dave", "erin"};

// In step with its tracker.
OneSink one_sink(Delivery::Options options = {}) {
    OneSink sink(kUsers, options);
    sink.tick();
    CHECK(sink.told().empty());
    return sink;
}

}  // namespace

TEST_CASE("events are handed out in order, one chunk at a time", "[notifier][delivery]") {
    auto sink = one_sink({.chunk_max = 2});
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
    CHECK(sink.delivery->stats().waiting == 1);
    sink.done(*second);
    CHECK(sink.delivery->idle());
    CHECK(sink.delivery->stats().delivered == 3);
}

TEST_CASE("what was not taken is handed out again, the same, after a backoff",
          "[notifier][delivery][backoff]") {
    auto sink = one_sink({.backoff_first = 100ms, .backoff_max = 1s});
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
    sink.delivery->on_failed(at(sink.ms), 30s);
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

TEST_CASE("a sink that fell behind is told everything all the same, from the journal",
          "[notifier][delivery][behind]") {
    auto sink = one_sink({.queue_max = 2});
    sink.say(true, "alice");
    sink.batch();
    const auto job = sink.next();
    REQUIRE(job);
    sink.keep(*job);
    for (int n = 0; n < 20; ++n) {
        sink.say(n % 2 == 0, "bob");
        sink.batch();
        CHECK(sink.delivery->stats().waiting <= 3);
    }
    CHECK(sink.delivery->stats().behind);
    CHECK(sink.delivery->stats().let_go == 18);
    sink.done(*job);
    // Neither the next batch nor a tick has to come first.
    std::string expected = "+bob -bob";
    for (int n = 2; n < 20; ++n)
        expected += n % 2 == 0 ? " +bob" : " -bob";
    CHECK(brief(sink.told()) == expected);
    sink.tick();
    sink.turn();
    CHECK_FALSE(sink.delivery->stats().behind);
}

TEST_CASE("what waits is counted in events, a tick or an empty batch as one",
          "[notifier][delivery][behind]") {
    auto sink = one_sink({.queue_max = 3});
    sink.say(true, "alice");
    sink.batch();
    REQUIRE(sink.next());
    sink.say(true, "bob");
    sink.say(true, "carol");
    sink.batch();
    sink.tick();
    CHECK(sink.delivery->stats().waiting == 1 + 2);
    sink.say(true, "dave");
    sink.batch();
    CHECK(sink.delivery->stats().let_go == 1);
}

TEST_CASE("what a tick tells that was let go is not forgotten", "[notifier][delivery][behind]") {
    auto sink = one_sink({.queue_max = 1});
    sink.say(true, "alice");
    sink.batch();
    const auto job = sink.next();
    REQUIRE(job);
    sink.keep(*job);
    sink.say(true, "bob");
    sink.batch();
    sink.say(true, "carol");
    (void)sink.tracker.batch();  // lost on its way
    sink.tick();
    sink.done(*job);
    CHECK(brief(sink.told()) == "+bob +carol");
}

TEST_CASE("as much as may wait is not let go", "[notifier][delivery][behind]") {
    auto sink = one_sink({.queue_max = 3});
    sink.say(true, "alice");
    sink.batch();
    REQUIRE(sink.next());
    for (const auto& user : {"bob", "carol", "dave"}) {
        sink.say(true, user);
        sink.batch();
    }
    CHECK(sink.delivery->stats().let_go == 0);
    CHECK_FALSE(sink.delivery->stats().behind);
    sink.say(true, "erin");
    sink.batch();
    CHECK(sink.delivery->stats().let_go == 1);
    CHECK(sink.delivery->stats().behind);
}

TEST_CASE("a batch that is larger than all that may wait is taken all the same",
          "[notifier][delivery][behind]") {
    auto sink = one_sink({.queue_max = 1});
    sink.say(true, "alice");
    sink.say(true, "bob");
    sink.batch();
    CHECK(sink.told().size() == 2);
    CHECK(sink.tracker.replays == 0);
}

TEST_CASE("an answer is not let go, however much waits", "[notifier][delivery][behind]") {
    OneSink sink(kUsers, {.queue_max = 1}, 1);  // a question at a time
    for (const auto& user : kUsers)
        sink.say(true, user);
    (void)sink.tracker.batch();
    sink.tick();
    std::vector<notifier::Question> questions;
    const auto turn = [&] {
        questions.clear();
        sink.delivery->turn(at(sink.ms), WallOffset{}, questions);
        REQUIRE(questions.size() == 1);
    };
    const auto answer = [&] {
        sink.delivery->on_heard(
            notifier::heard_answer(0, sink.tracker.answer(questions[0].bytes, sink.ms)));
    };
    turn();
    const auto begins = sink.delivery->next(at(sink.ms));  // keeps where it begins, tells nothing
    REQUIRE(begins);
    sink.keep(*begins);
    sink.done(*begins);
    answer();
    turn();
    const auto first = sink.delivery->next(at(sink.ms));
    REQUIRE(first);
    CHECK(first->chunk.size() == 1);
    for (const bool online : {false, true}) {
        sink.say(online, first->chunk[0].user);
        sink.batch();
    }
    CHECK(sink.delivery->stats().let_go == 1);
    answer();
    sink.keep(*first);
    sink.done(*first);
    turn();
    const auto second = sink.delivery->next(at(sink.ms));
    REQUIRE(second);
    CHECK(second->chunk.size() == 2);  // what waited, and the next one who was compared
}

TEST_CASE("a sink that is down for an hour is told all of that hour, soon after it is back",
          "[notifier][delivery][backoff][behind]") {
    const Delivery::Options options{.queue_max = 100, .backoff_max = 10s};
    auto sink = one_sink(options);
    std::string said;
    int attempts = 0;
    bool kept = false;
    for (int second = 0; second < 3600; ++second) {
        sink.ms += 1000;
        const auto& user = kUsers[static_cast<std::size_t>(second) % kUsers.size()];
        const bool online = second / static_cast<int>(kUsers.size()) % 2 == 0;
        sink.say(online, user);
        said += std::string(said.empty() ? "" : " ") + (online ? "+" : "-") + user;
        sink.batch();
        sink.tick();
        if (const auto job = sink.next()) {
            ++attempts;
            if (!kept) sink.keep(*job);
            kept = true;
            sink.delivery->on_failed(at(sink.ms));
        }
        REQUIRE(sink.delivery->stats().waiting <= options.queue_max + 1);
    }
    // Full jitter: every five seconds on average, looked at once a second here.
    CHECK(attempts > 3600 / 10);
    CHECK(attempts < 3600 / 2);
    CHECK(sink.delivery->stats().delivered == 0);
    CHECK(sink.delivery->next_wakeup() <= at(sink.ms) + options.backoff_max);
    sink.ms += 10'000;
    CHECK(brief(sink.told()) == said);
    CHECK(sink.delivery->stats().gap_told == 0);
    CHECK_FALSE(sink.delivery->stats().behind);
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
            std::vector<notifier::Question> questions;
            sink.delivery->turn(at(sink.ms), WallOffset{}, questions);
            REQUIRE(questions.size() == 1);
            sink.delivery->on_heard(
                notifier::heard_answer(0, sink.tracker.answer(questions[0].bytes, sink.ms)));
        };
        page();
        page();  // alice came, and more is asked for
        const auto since = sink.ms;
        CHECK(sink.delivery->stats().waiting == 1);
        CHECK_FALSE(sink.delivery->next(at(sink.ms)));
        sink.ms = since + 999;
        page();  // and left
        if (in_time) {
            CHECK_FALSE(sink.delivery->next(at(sink.ms)));
            CHECK(brief(sink.told()) == "+alice +bob");
            continue;
        }
        std::vector<notifier::Question> questions;
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
