#include <catch2/catch.hpp>

#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;
using notifier::Selection;

namespace {

Delivery::Options selecting(Selection selection) {
    Delivery::Options options;
    options.selection = std::move(selection);
    return options;
}

}  // namespace

TEST_CASE("of states a sink is told those that it wants", "[notifier][delivery][selection]") {
    auto sink = one_sink(selecting({{"offline"}, {}}));
    sink.say(true, "alice");
    sink.say(true, "bob");
    sink.say(false, "alice");
    sink.batch();
    CHECK(brief(sink.told()) == "-alice");
    sink.restart();
    sink.tick();
    CHECK(sink.told().empty());
    sink.say(false, "bob");
    sink.batch();
    CHECK(brief(sink.told()) == "-bob");
}

TEST_CASE("of reasons a sink is told those that it wants", "[notifier][delivery][selection]") {
    auto sink = one_sink(selecting({{}, {"heartbeat", "bye"}}));
    sink.say(true, "alice");
    sink.say(false, "alice");
    sink.batch();
    CHECK(brief(sink.told()) == "+alice");
}

TEST_CASE("what sets right is told whatever is selected", "[notifier][delivery][selection]") {
    OneSink sink(kUsers, selecting({{"offline"}, {"timeout"}}));
    sink.say(true, "alice");
    (void)sink.tracker.batch();
    sink.tick();
    CHECK(brief(sink.told()) == "+alice~");
    sink.tracker.wipe();
    sink.tracker.restart(2'000, sink.ms);
    sink.batch();
    const auto told = sink.told();
    REQUIRE(told.size() == 1);
    CHECK(is_gap_notice(told.front()));
}

TEST_CASE("a selection that tells nothing of a portion still keeps how far it came",
          "[notifier][delivery][selection]") {
    auto sink = one_sink(selecting({{"offline"}, {}}));
    sink.say(true, "alice");
    sink.batch();
    CHECK(sink.told().empty());
    CHECK(sink.delivery->idle());
    const auto replays = sink.tracker.replays;
    sink.restart();
    sink.tick();
    CHECK(sink.told().empty());
    CHECK(sink.tracker.replays == replays);
    CHECK(sink.delivery->follower().online() == 1);
}

TEST_CASE("users beside the prefix are none of a sink's affair", "[notifier][delivery][prefix]") {
    OneSink sink({"a:1", "a:2", "b:1"});
    sink.user_prefix = "a:";
    sink.start();
    sink.say(true, "a:1");
    sink.say(true, "b:1");
    (void)sink.tracker.batch();
    sink.tick();
    CHECK(brief(sink.told()) == "+a:1~");
    sink.say(false, "b:1");
    sink.say(true, "a:2");
    sink.batch();
    CHECK(brief(sink.told()) == "+a:2");
    CHECK(sink.delivery->follower().online() == 2);
    CHECK(sink.delivery->followed()["refused"] == 0);
}

TEST_CASE("another prefix tells who is covered now, and that others are offline",
          "[notifier][delivery][prefix]") {
    OneSink sink({"a:1", "a:2", "b:1"});
    sink.user_prefix = "a:";
    sink.start();
    for (const char* user : {"a:1", "b:1"})
        sink.say(true, user);
    (void)sink.tracker.batch();
    sink.tick();
    CHECK(brief(sink.told()) == "+a:1~");
    sink.user_prefix = "b:";
    sink.restart();
    sink.tick();
    auto told = sink.told();
    std::ranges::sort(told, {}, &Event::user);
    told.erase(std::remove_if(told.begin(), told.end(), is_gap_notice), told.end());
    CHECK(brief(told) == "-a:1~ +b:1~");
    sink.restart();
    sink.tick();
    CHECK(sink.told().empty());
}
