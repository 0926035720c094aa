#include <rapidcheck.h>

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <set>

#include "fake_tracker.hpp"
#include "notifier/delivery.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

namespace {

const std::vector<std::string> kUsers{"alice", "bob", "carol", "dave", "erin"};

// A follower in step with a tracker, and one sink behind it.
struct OneSink {
    explicit OneSink(Delivery::Options options = {}) : world(kUsers), delivery(options, 7) {
        world.tick(0);
    }
    void say(bool online, const std::string& user, std::optional<std::string> status = {}) {
        ++ms;
        if (online)
            world.tracker.online(user, ms, std::move(status));
        else
            world.tracker.offline(user, ms);
        for (const auto& event : world.hear(ms))
            delivery.on_event(event);
    }
    std::vector<Event> next() { return delivery.next(at(ms), *world.follower); }
    std::string told() {
        const auto events = next();
        if (!events.empty()) delivery.on_delivered();
        return brief(events);
    }

    std::int64_t ms = 0;
    OneTracker world;
    Delivery delivery;
};

}  // namespace

TEST_CASE("events are handed out in order, one chunk at a time", "[notifier][delivery]") {
    OneSink sink({.chunk_max = 2});
    CHECK(sink.delivery.idle());
    sink.say(true, "alice");
    sink.say(false, "alice");
    sink.say(true, "bob");
    CHECK(brief(sink.next()) == "+alice -alice");
    CHECK(sink.next().empty());
    CHECK(sink.delivery.next_wakeup() == Instant::max());
    sink.delivery.on_delivered();
    CHECK(sink.told() == "+bob");
    CHECK(sink.delivery.idle());
    CHECK(sink.delivery.stats().delivered == 3);
}

TEST_CASE("what was not taken is handed out again, the same, after a backoff",
          "[notifier][delivery][backoff]") {
    OneSink sink({.backoff_first = 100ms, .backoff_max = 1s});
    sink.say(true, "alice");
    const auto first = sink.next();
    sink.say(false, "alice");
    sink.delivery.on_failed(at(sink.ms));
    const auto wakeup = sink.delivery.next_wakeup();
    CHECK(wakeup <= at(sink.ms) + 100ms);
    CHECK(sink.delivery.next(wakeup - 1us, *sink.world.follower).empty());
    CHECK(sink.delivery.next(wakeup, *sink.world.follower) == first);
    sink.delivery.on_delivered();
    CHECK(sink.told() == "-alice");
}

TEST_CASE("a sink that asks for a longer pause gets it", "[notifier][delivery]") {
    OneSink sink;
    sink.say(true, "alice");
    CHECK(brief(sink.next()) == "+alice");
    sink.delivery.on_failed(at(sink.ms), 60s);
    CHECK(sink.delivery.next_wakeup() == at(sink.ms) + 60s);
    sink.ms += 59'999;
    CHECK(sink.next().empty());
    ++sink.ms;
    CHECK(sink.told() == "+alice");
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

TEST_CASE("a sink that fell behind is told what waited, then the difference",
          "[notifier][delivery][behind]") {
    OneSink sink({.queue_max = 2});
    sink.say(true, "alice");
    sink.say(true, "bob");
    sink.say(false, "bob");  // given up from here on
    sink.say(true, "carol");
    sink.say(true, "dave");
    sink.say(false, "dave");
    sink.say(true, "alice", "away");
    CHECK(sink.delivery.stats().behind);
    CHECK(sink.delivery.stats().overflows == 1);
    CHECK(sink.delivery.stats().given_up == 5);
    CHECK(sink.told() == "+alice +bob");
    std::multiset<std::string> rest;
    while (!sink.delivery.idle()) {
        for (const auto& event : sink.next())
            rest.insert(brief({event}));
        sink.delivery.on_delivered();
    }
    CHECK(rest == std::multiset<std::string>{"+alice=away~", "+carol~", "-bob~"});
    CHECK_FALSE(sink.delivery.stats().behind);
}

TEST_CASE("a departure that was given up is told in its place in the order",
          "[notifier][delivery][behind]") {
    OneSink sink({.queue_max = 1});
    sink.say(true, "alice");
    sink.say(false, "alice");
    CHECK(sink.told() == "+alice");
    const auto events = sink.next();
    REQUIRE(brief(events) == "-alice~");
    CHECK(events[0].seq == 2);
    CHECK(events[0].epoch == sink.world.tracker.epoch());
    CHECK(events[0].reason == "reconcile");
}

TEST_CASE("a sink that never fails hears exactly what the follower hands out",
          "[notifier][delivery]") {
    OneSink sink;
    sink.say(true, "alice");
    sink.say(true, "alice", "away");
    sink.say(false, "alice");
    const auto events = sink.next();
    CHECK(brief(events) == "+alice +alice=away -alice");
    CHECK(events[0].seq + 2 == events[2].seq);
}

TEST_CASE(
    "whenever a sink fails or falls behind, it ends in the truth, in order, and hears each "
    "event again until it takes it",
    "[notifier][delivery][property]") {
    rc::prop("", [](const std::vector<std::uint16_t>& script) {
        OneSink sink({.queue_max = 3, .chunk_max = 2, .backoff_first = 2ms, .backoff_max = 8ms});
        std::map<std::string, std::pair<Epoch, std::uint64_t>> newest;
        std::set<std::string> told;
        std::vector<Event> at_sink;
        const auto answer = [&](bool takes) {
            if (at_sink.empty()) return;
            if (!takes) {
                sink.delivery.on_failed(at(sink.ms));
                return;
            }
            for (const auto& event : at_sink) {
                const std::pair position(event.epoch, event.seq);
                RC_ASSERT(!newest.contains(event.user) || newest[event.user] < position);
                newest[event.user] = position;
                if (event.state == State::online)
                    told.insert(event.user);
                else
                    RC_ASSERT(told.erase(event.user) == 1);
            }
            sink.delivery.on_delivered();
            at_sink.clear();
        };
        bool failed = false;
        for (const auto word : script) {
            const auto& user = kUsers[word % kUsers.size()];
            const bool online = sink.world.tracker.is_online(user);
            sink.say(!online, user);
            RC_ASSERT(sink.delivery.stats().waiting <= 3u);
            if (word & 0x4000) continue;  // a slow sink
            if (at_sink.empty() || failed) {
                const auto events = sink.next();
                if (failed && !events.empty()) RC_ASSERT(events == at_sink);
                if (failed && events.empty()) continue;  // a backoff
                at_sink = events;
                failed = false;
            }
            failed = !at_sink.empty() && (word & 0x2000) != 0;
            answer(!failed);
        }
        while (!sink.delivery.idle()) {
            sink.ms += 10;
            if (failed || at_sink.empty()) at_sink = sink.next();
            failed = false;
            answer(true);
        }
        std::set<std::string> truth;
        sink.world.follower->each_online([&](const Event& event) { truth.insert(event.user); });
        RC_ASSERT(told == truth);
    });
}
