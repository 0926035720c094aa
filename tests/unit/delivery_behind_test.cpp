#include <catch2/catch.hpp>

#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

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
        CHECK(sink.delivery->counters()["waiting"] <= 3);
    }
    CHECK(sink.delivery->behind());
    CHECK(sink.delivery->counters()["let_go"] == 18);
    sink.done(*job);
    // Neither the next batch nor a tick has to come first.
    std::vector<Event> told;
    while (const auto more = sink.next()) {
        CHECK(sink.delivery->behind());
        told.insert(told.end(), more->chunk.begin(), more->chunk.end());
        sink.keep(*more);
        sink.done(*more);
    }
    std::string expected = "+bob -bob";
    for (int n = 2; n < 20; ++n)
        expected += n % 2 == 0 ? " +bob" : " -bob";
    CHECK(brief(told) == expected);
    sink.tick();
    sink.turn();
    CHECK_FALSE(sink.delivery->behind());
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
    CHECK(sink.delivery->counters()["waiting"] == 1 + 2);
    sink.say(true, "dave");
    sink.batch();
    CHECK(sink.delivery->counters()["let_go"] == 1);
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
    CHECK_FALSE(sink.delivery->behind());  // by no event that came
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
    CHECK(sink.delivery->counters()["let_go"] == 0);
    CHECK_FALSE(sink.delivery->behind());
    sink.say(true, "erin");
    sink.batch();
    CHECK(sink.delivery->counters()["let_go"] == 1);
    CHECK(sink.delivery->behind());
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
    std::vector<Question> questions;
    const auto turn = [&] {
        questions.clear();
        sink.delivery->turn(at(sink.ms), WallOffset{}, questions);
        REQUIRE(questions.size() == 1);
    };
    const auto answer = [&] {
        sink.delivery->on_heard(
            message_of_answer(0, sink.tracker.answer(questions[0].bytes, sink.ms)));
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
    for (const bool online : {false, true})
        sink.say(online, first->chunk[0].user);
    sink.batch();
    CHECK(sink.delivery->counters()["waiting"] == 1 + 2);  // more than may wait already
    answer();
    sink.keep(*first);
    sink.done(*first);
    turn();
    const auto second = sink.delivery->next(at(sink.ms));
    REQUIRE(second);
    CHECK(second->chunk.size() == 3);  // what waited, and the next one who was compared
}

TEST_CASE("a sink that is down for an hour is told all of that hour, soon after it is back",
          "[notifier][delivery][backoff][behind]") {
    const Delivery::Options options{.queue_max = 100, .retries = {.backoff_max = 10s}};
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
        REQUIRE(sink.delivery->counters()["waiting"] <= options.queue_max + 1);
    }
    // Full jitter: every five seconds on average, looked at once a second here.
    CHECK(attempts > 3600 / 10);
    CHECK(attempts < 3600 / 2);
    CHECK(sink.delivery->counters()["delivered"] == 0);
    CHECK(sink.delivery->next_wakeup() <= at(sink.ms) + options.retries.backoff_max);
    sink.ms += 10'000;
    CHECK(brief(sink.told()) == said);
    CHECK(sink.delivery->followed()["gap_told"] == 0);
    CHECK_FALSE(sink.delivery->behind());
}
