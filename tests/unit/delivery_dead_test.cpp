#include <catch2/catch.hpp>

#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

namespace {

// In step with its tracker; gives up after three failures.
OneSink giving_up(Delivery::Options options = {}) {
    options.retries.attempts_max = 3;
    return one_sink(options);
}

// The next job, once every backoff is over.
Delivery::Job next(OneSink& sink) {
    sink.ms += 20'000;
    auto job = sink.next();
    REQUIRE(job);
    sink.keep(*job);
    return std::move(*job);
}

void fail(OneSink& sink, int times, const std::string& chunk) {
    for (int n = 0; n < times; ++n) {
        const auto job = next(sink);
        CHECK(job.attempts == 0);
        CHECK(brief(job.chunk) == chunk);
        sink.delivery->on_failed(at(sink.ms));
    }
}

// Fails until the chunk is given up, and lets it be.
void give_up(OneSink& sink, const std::string& chunk) {
    fail(sink, 3, chunk);
    const auto job = next(sink);
    CHECK(job.attempts == 3);
    CHECK(brief(job.chunk) == chunk);
    sink.done(job);
}

}  // namespace

TEST_CASE("a chunk that failed as often as it may is given up, and the next one is told",
          "[notifier][delivery][dead]") {
    auto sink = giving_up({.retries = {.chunk_max = 2}});
    sink.say(true, "alice");
    sink.batch();
    sink.say(true, "bob");
    sink.batch();
    sink.say(false, "alice");
    sink.batch();
    give_up(sink, "+alice +bob");
    CHECK(sink.delivery->counters()["dead"] == 2);
    CHECK(sink.delivery->counters()["delivered"] == 0);
    CHECK(brief(sink.told()) == "-alice");
    CHECK(sink.delivery->counters()["delivered"] == 1);
    CHECK(sink.delivery->counters()["failures"] == 3);
    sink.say(true, "carol");
    sink.batch();
    fail(sink, 2, "+carol");  // counted anew
    CHECK(brief(next(sink).chunk) == "+carol");
}

TEST_CASE("a sink that takes nothing is not asked more often for what is given up",
          "[notifier][delivery][dead][backoff]") {
    auto sink = giving_up({.retries = {.chunk_max = 1, .backoff_first = 1s, .backoff_max = 1024s}});
    for (const auto& user : kUsers)
        sink.say(true, user);
    sink.batch();
    for (int n = 0; n < 3; ++n) {
        for (int failures = 0; failures < 3; ++failures) {
            sink.ms += 2'000'000;
            auto job = sink.next();
            REQUIRE(job);
            CHECK(job->attempts == 0);
            sink.delivery->on_failed(at(sink.ms));
        }
        sink.ms += 2'000'000;
        const auto job = sink.next();
        REQUIRE(job);
        CHECK(job->attempts == 3);
        sink.done(*job);
        CHECK(sink.delivery->next_wakeup() <= at(sink.ms));  // the next one is not made to wait
    }
    // After nine failures the pauses are up to 512 s; ten tries show that they did not begin anew.
    auto longest = Duration{};
    for (int n = 0; n < 10; ++n) {
        sink.ms += 2'000'000;
        const auto job = sink.next();
        REQUIRE(job);
        if (job->attempts > 0) break;
        sink.delivery->on_failed(at(sink.ms));
        longest = std::max(longest, sink.delivery->next_wakeup() - at(sink.ms));
    }
    CHECK(longest > 8s);
}

TEST_CASE(
    "who says later, wants nothing more, or cannot be reached for our own disk, refused "
    "nothing",
    "[notifier][delivery][dead]") {
    auto sink = giving_up();
    sink.say(true, "alice");
    sink.batch();
    for (int n = 0; n < 20; ++n) {
        const auto job = next(sink);
        REQUIRE(job.attempts == 0);
        if (n % 2 == 0)
            sink.delivery->on_failed(at(sink.ms), {.retry_after = 1s});
        else
            sink.delivery->on_failed(at(sink.ms), {.ours = true});
    }
    give_up(sink, "+alice");
}

TEST_CASE("nothing is given up where attempts have no bound", "[notifier][delivery][dead]") {
    OneSink sink(kUsers, {});
    sink.tick();
    CHECK(sink.told().empty());
    sink.say(true, "alice");
    sink.batch();
    fail(sink, 200, "+alice");
    CHECK(sink.delivery->counters()["dead"] == 0);
}

TEST_CASE("what cannot be given up is tried as often again", "[notifier][delivery][dead]") {
    auto sink = giving_up();
    sink.say(true, "alice");
    sink.batch();
    for (int n = 0; n < 5; ++n) {
        fail(sink, 3, "+alice");
        REQUIRE(next(sink).attempts == 3);
        sink.delivery->on_failed(at(sink.ms), {.ours = true});  // dead letters may be full
    }
    CHECK(brief(sink.told()).empty());  // a backoff runs
    CHECK(brief(next(sink).chunk) == "+alice");
    CHECK(sink.delivery->counters()["dead"] == 0);
}

TEST_CASE("after a restart attempts are counted anew, and what was given up is not told again",
          "[notifier][delivery][dead][restart]") {
    auto sink = giving_up({.retries = {.chunk_max = 1}});
    sink.say(true, "alice");
    sink.batch();
    sink.say(true, "bob");
    sink.batch();
    fail(sink, 2, "+alice");
    sink.restart();
    give_up(sink, "+alice");
    sink.restart();
    sink.tick();
    CHECK(brief(sink.told()) == "+bob");
}

TEST_CASE("killed before it was known to be given up, a chunk is tried again with its ids",
          "[notifier][delivery][dead][restart]") {
    auto sink = giving_up();
    sink.say(true, "alice");
    sink.batch();
    fail(sink, 3, "+alice");
    const auto dead = next(sink);
    CHECK(dead.attempts == 3);
    sink.restart();
    const auto again = next(sink);
    CHECK(again.attempts == 0);
    CHECK(again.chunk == dead.chunk);
}

TEST_CASE("a replay tells what users are now, never what they were",
          "[notifier][delivery][dead][replay]") {
    auto sink = giving_up();
    sink.say(true, "alice", "away");
    sink.batch();
    sink.say(true, "bob");
    sink.batch();
    give_up(sink, "+alice=away +bob");
    sink.say(false, "bob");
    sink.batch();
    CHECK(brief(sink.told()) == "-bob");
    sink.delivery->want({{"alice", "bob", "carol"}, {}});
    const auto told = sink.told();
    CHECK(brief(told) == "+alice=away~ -bob~ -carol~");
    CHECK(told[0].reason == "reconcile");
    CHECK(told[0].at_ms == told[0].since_ms);      // since when they are
    CHECK(told[0].epoch == sink.tracker.epoch());  // where their slots are
    CHECK(told[0].seq == 1);
    CHECK(told[1].seq == 2);
    CHECK(told[1].at_ms == sink.ms);
    CHECK_FALSE(told[1].since_ms);
    CHECK_FALSE(told[1].last_seen_ms);
    CHECK(sink.told().empty());  // once
    CHECK(sink.delivery->counters()["dead"] == 2);
}

TEST_CASE("a replay waits for what is older, and goes before what is newer",
          "[notifier][delivery][dead][replay]") {
    auto sink = giving_up();
    sink.say(true, "alice");
    sink.batch();
    give_up(sink, "+alice");
    sink.say(false, "alice");
    sink.batch();
    const auto first = next(sink);
    CHECK(brief(first.chunk) == "-alice");
    sink.delivery->want({{"alice", "dave"}, {}});
    sink.say(true, "alice");  // waits as well
    sink.batch();
    sink.done(first);
    // The newest event tells the state: alice need not be told it twice.
    CHECK(brief(sink.told()) == "+alice -dave~");
    CHECK(sink.delivery->wanted().empty());
    sink.say(false, "alice");
    sink.batch();
    CHECK(brief(sink.told()) == "-alice");
}

TEST_CASE("a replay beside much that waits is told in its place among it",
          "[notifier][delivery][dead][replay]") {
    auto sink = giving_up({.retries = {.chunk_max = 1}});
    sink.say(true, "alice");
    sink.batch();
    give_up(sink, "+alice");
    for (const auto& [online, user] : {std::pair(true, "bob"), {false, "alice"}, {true, "alice"}}) {
        sink.say(online, user);
        sink.batch();
    }
    sink.delivery->want({{"alice"}, {}});
    CHECK(brief(sink.told()) == "+bob +alice~ -alice +alice");
}

TEST_CASE("a replay tells even what the sink should know, where only the newest counts",
          "[notifier][delivery][dead][replay][latest]") {
    auto sink = giving_up({.mode = Delivery::Mode::latest});
    sink.say(true, "alice");
    sink.batch();
    give_up(sink, "+alice");
    sink.say(true, "bob");
    sink.batch();
    const auto job = next(sink);
    CHECK(brief(job.chunk) == "+bob");
    sink.say(false, "alice");
    sink.say(true, "alice");
    sink.batch();
    sink.delivery->want({{"alice"}, {}});
    sink.done(job);
    CHECK(brief(sink.told()) == "+alice~");
}

TEST_CASE("a replay is kept, and told again after a restart with the same id",
          "[notifier][delivery][dead][replay][restart]") {
    auto sink = giving_up();
    sink.say(true, "alice");
    sink.batch();
    give_up(sink, "+alice");
    sink.delivery->want({{"alice"}, {}});
    const auto job = next(sink);
    CHECK(brief(job.chunk) == "+alice~");
    sink.restart();
    const auto again = next(sink);
    CHECK(again.chunk == job.chunk);
    REQUIRE(sink.delivery->follower().find("alice") != nullptr);
    sink.done(again);
    sink.tick();
    sink.say(false, "alice");
    sink.batch();
    CHECK(brief(sink.told()) == "-alice");
}

TEST_CASE("no state is replayed while it may be wrong", "[notifier][delivery][dead][replay]") {
    auto sink = giving_up();
    sink.say(true, "alice");
    sink.batch();
    give_up(sink, "+alice");
    sink.say(false, "alice");
    (void)sink.tracker.batch();  // lost on its way
    sink.restart();              // no tick yet
    sink.delivery->want({{"alice"}, {}});
    CHECK(sink.told().empty());
    CHECK_FALSE(sink.delivery->wanted().empty());
    sink.tick();
    CHECK(brief(sink.told()) == "-alice");
    CHECK(sink.delivery->wanted().empty());
}

TEST_CASE("a portion of a journal that goes on is no time for a replay",
          "[notifier][delivery][dead][replay]") {
    auto sink = giving_up();
    sink.say(true, "alice");
    sink.batch();
    give_up(sink, "+alice");
    for (const bool online : {true, false, true, false}) {
        sink.say(online, "bob");
        (void)sink.tracker.batch();
    }
    sink.say(false, "alice");
    (void)sink.tracker.batch();
    sink.tracker.page_rows = 1;
    sink.delivery->want({{"alice"}, {}});
    sink.tick();
    CHECK(brief(sink.told()) == "+bob -bob +bob -bob -alice");
}

TEST_CASE("a notice is replayed as it was", "[notifier][delivery][dead][replay]") {
    auto sink = giving_up();
    const auto notice = gap_notice("t1", 7).event;
    sink.delivery->want({{}, {notice}});
    const auto told = sink.told();
    REQUIRE(told.size() == 1);
    CHECK(told[0] == notice);
}
