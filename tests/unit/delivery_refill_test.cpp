#include <catch2/catch.hpp>

#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

namespace {

// alice and bob are online, and told.
OneSink told_two(const Delivery::Options& options = {}) {
    auto sink = one_sink(options);
    for (const char* user : {"alice", "bob"})
        sink.say(true, user);
    sink.batch();
    CHECK(sink.told().size() == 2);
    return sink;
}

std::vector<std::string> sorted(const std::vector<Event>& events) {
    std::vector<std::string> all;
    for (const auto& event : events)
        all.push_back(brief({event}));
    std::sort(all.begin(), all.end());
    return all;
}
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a place that lost all is told who is online, and who is online there alone",
          "[notifier][delivery][refill]") {
    auto sink = told_two();
    sink.delivery->refill(1, true);
    CHECK(sink.delivery->refilling().under_way());
    CHECK_FALSE(sink.delivery->wants_page());
    CHECK(sorted(sink.told()) == Texts{"+alice~", "+bob~"});
    CHECK(sink.delivery->wants_page() == "0");
    sink.delivery->on_page({"alice", "ghost"}, "17");
    CHECK(brief(sink.told()) == "-ghost~");
    CHECK(sink.delivery->wants_page() == "17");
    CHECK(sink.delivery->refilling().done() == 0);
    sink.delivery->on_page({"bob"}, "0");
    CHECK(sink.told().empty());
    CHECK(sink.delivery->refilling().done() == 1);
    CHECK_FALSE(sink.delivery->wants_page());
}

TEST_CASE("what happens meanwhile is told in order, and whoever came back is not told offline",
          "[notifier][delivery][refill]") {
    auto sink = told_two();
    sink.delivery->refill(1, true);
    (void)sink.told();
    sink.delivery->on_page({"carol", "dave"}, "0");
    sink.say(true, "carol");
    sink.batch();
    CHECK(brief(sink.told()) == "+carol -dave~");
    CHECK(sink.delivery->refilling().done() == 1);
}

TEST_CASE("a sink that begins tells who is online anyway: only the sweep is left",
          "[notifier][delivery][refill]") {
    auto sink = told_two();
    sink.delivery->refill(1, false);
    CHECK(sink.told().empty());
    CHECK(sink.delivery->wants_page() == "0");
    sink.delivery->on_page({}, "0");
    CHECK(sink.told().empty());
    CHECK(sink.delivery->refilling().done() == 1);
}

TEST_CASE("a place that loses all once more is told all from the beginning",
          "[notifier][delivery][refill]") {
    auto sink = told_two();
    sink.delivery->refill(1, true);
    (void)sink.told();
    sink.delivery->refill(2, true);
    CHECK(sorted(sink.told()) == Texts{"+alice~", "+bob~"});
    CHECK(sink.delivery->refilling().done() == 1);
    sink.delivery->on_page({}, "0");
    (void)sink.told();
    CHECK(sink.delivery->refilling().done() == 2);
}

TEST_CASE("what happened beside has a gap, which a refill tells", "[notifier][delivery][refill]") {
    auto sink = told_two({.log_beside = true});
    sink.delivery->refill(1, true);
    const auto told = sink.told();
    REQUIRE(told.size() == 3);
    CHECK(is_gap_notice(told[0]));
}

TEST_CASE("nothing is refilled while nobody knows how things are", "[notifier][delivery][refill]") {
    auto sink = told_two();
    sink.restart();  // no tick yet
    sink.delivery->refill(1, true);
    CHECK(sink.told().empty());
    sink.tick();
    CHECK(sorted(sink.told()) == Texts{"+alice~", "+bob~"});
}

TEST_CASE("a sink's chunks are numbered, over restarts too", "[notifier][delivery][refill]") {
    auto sink = told_two();
    const auto mark = sink.delivery->mark();
    CHECK(mark.sink != 0);
    CHECK(mark.chunk == 1);
    sink.say(false, "bob");
    sink.batch();
    auto job = sink.next();
    REQUIRE(job);
    CHECK(job->number == 2);
    sink.keep(*job);
    sink.delivery->on_failed(at(sink.ms));
    CHECK(sink.delivery->mark() == mark);
    sink.restart();
    CHECK(sink.delivery->mark() == mark);
    sink.ms += 20'000;
    job = sink.next();
    REQUIRE(job);
    CHECK(job->number == 2);
    sink.done(*job);
    sink.restart();
    CHECK(sink.delivery->mark().chunk == 2);
}

TEST_CASE("a view is as old as what was heard last of each tracker",
          "[notifier][delivery][refill]") {
    auto sink = one_sink();
    CHECK(sink.delivery->currency().freshness() == Freshness::live);
    sink.ms += 2'000;
    sink.tick();
    (void)sink.told();
    (void)sink.next();
    CHECK(sink.delivery->currency().as_of_ms() == sink.ms);
    const auto heard = sink.ms;
    sink.ms += 3'000;
    (void)sink.next();
    CHECK(sink.delivery->currency().freshness() == Freshness::stale);
    CHECK(sink.delivery->currency().as_of_ms() == heard);
}

TEST_CASE("one whom a sink fails with keeps nobody else back, over portions and restarts",
          "[notifier][delivery][retries]") {
    auto sink = one_sink({.retries = {.give_up_after = 1h}});
    const auto fail = [&](const std::string& chunk) {
        sink.ms += 20'000;
        const auto job = sink.next();
        REQUIRE(job);
        sink.keep(*job);
        CHECK(brief(job->chunk) == chunk);
        sink.delivery->on_failed(at(sink.ms), {.fault = notifier::Fault::unclear});
    };
    sink.say(true, "alice");
    sink.batch();
    fail("+alice");
    fail("+alice");
    CHECK(sink.delivery->counters()["aside"] == 1);
    // Both of bob's are told, alice's wait.
    sink.say(true, "bob");
    sink.say(false, "alice");
    sink.say(false, "bob");
    sink.batch();
    sink.ms += 20'000;
    auto job = sink.next();
    REQUIRE(job);
    sink.keep(*job);
    while (brief(job->chunk) != "+bob -bob") {
        if (job->chunk.empty())  // what is new is kept
            sink.done(*job);
        else
            sink.delivery->on_failed(at(sink.ms), {.fault = notifier::Fault::unclear});
        job = sink.next();
        REQUIRE(job);
        sink.keep(*job);
    }
    CHECK(brief(job->chunk) == "+bob -bob");
    sink.done(*job);
    sink.restart();
    sink.tick();
    std::string told;
    while ((job = sink.next())) {
        sink.keep(*job);
        told += brief(job->chunk) + " ";
        sink.done(*job);
    }
    CHECK(told == "+alice +bob -bob -alice ");
}
