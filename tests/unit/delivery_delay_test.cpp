#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

namespace {

Delivery::Options delayed(Duration delay = 5s) {
    Delivery::Options options;
    options.delay = delay;
    return options;
}

// The tracker says each second that it is there; returns what was told meanwhile.
std::vector<Event> pass(OneSink& sink, int seconds) {
    std::vector<Event> told;
    for (int n = 0; n < seconds; ++n) {
        sink.ms += 1'000;
        sink.tick();
        for (auto& event : sink.told())
            told.push_back(std::move(event));
    }
    return told;
}

// alice is online, and told, with a status.
OneSink told_alice(Duration delay = 5s) {
    auto sink = one_sink(delayed(delay));
    sink.say(true, "alice", "busy");
    sink.batch();
    CHECK(brief(sink.told()) == "+alice=busy");
    return sink;
}

void leaves(OneSink& sink, const std::string& user = "alice") {
    sink.say(false, user);
    sink.batch();
    CHECK(sink.told().empty());
}

}  // namespace

TEST_CASE("only who is offline for the delay is told to be, as it happened",
          "[notifier][delivery][delay]") {
    auto sink = told_alice();
    leaves(sink);
    const auto said = sink.tracker.last_said();
    CHECK(sink.delivery->counters()["held"] == 1);
    CHECK(pass(sink, 5).empty());
    const auto told = pass(sink, 2);
    REQUIRE(brief(told) == "-alice");
    CHECK(id_of(told.front()) == id_of(said));
    CHECK(told.front().at_ms == said.at_ms);
    CHECK(sink.delivery->counters()["held"] == 0);
}

TEST_CASE("of who is back in time nothing is told, or their new status",
          "[notifier][delivery][delay]") {
    auto sink = told_alice();
    leaves(sink);
    sink.say(true, "alice", "busy");
    sink.batch();
    CHECK(sink.told().empty());
    CHECK(pass(sink, 10).empty());
    leaves(sink);
    sink.say(true, "alice", "away");
    sink.batch();
    CHECK(brief(sink.told()) == "+alice=away");
    CHECK(pass(sink, 10).empty());
    CHECK(sink.delivery->counters()["returned"] == 2);
}

TEST_CASE("who leaves again is held anew, and who is held for nobody else",
          "[notifier][delivery][delay]") {
    auto sink = told_alice();
    leaves(sink);
    CHECK(pass(sink, 4).empty());
    sink.say(true, "alice", "busy");
    sink.say(false, "alice");
    sink.say(true, "bob");
    sink.batch();
    CHECK(brief(sink.told()) == "+bob");
    CHECK(pass(sink, 5).empty());
    CHECK(brief(pass(sink, 2)) == "-alice");
}

TEST_CASE("while a tracker is not heard nobody's time runs", "[notifier][delivery][delay]") {
    auto sink = told_alice();
    leaves(sink);
    sink.ms += 60'000;
    CHECK(sink.told().empty());
    sink.tick();
    CHECK(sink.told().empty());
    CHECK(brief(pass(sink, 6)) == "-alice");
}

TEST_CASE("who is back among what a tracker says next is not told offline",
          "[notifier][delivery][delay]") {
    auto sink = told_alice();
    leaves(sink);
    CHECK(pass(sink, 4).empty());
    sink.say(true, "alice", "busy");
    (void)sink.tracker.batch();  // lost on its way
    sink.ms += 60'000;
    sink.tick();  // shows that something is missing
    CHECK(sink.told().empty());
    CHECK(pass(sink, 10).empty());
}

TEST_CASE("what is held outlives a restart, with its age", "[notifier][delivery][delay]") {
    auto sink = told_alice(60s);
    leaves(sink);
    CHECK(pass(sink, 40).empty());
    sink.restart();
    sink.ms += 1'000'000;
    CHECK(pass(sink, 15).empty());
    const auto told = pass(sink, 17);  // some of the age is lost, kClockKept at most
    CHECK(brief(told) == "-alice");
}

TEST_CASE("what came back while the notifier was away is not told offline first",
          "[notifier][delivery][delay]") {
    auto sink = told_alice();
    leaves(sink);
    CHECK(pass(sink, 4).empty());
    sink.say(true, "alice", "busy");
    (void)sink.tracker.batch();
    sink.restart();
    sink.ms += 60'000;
    sink.tick();
    CHECK(sink.told().empty());
    CHECK(pass(sink, 10).empty());
}

TEST_CASE("without a delay any more, what was held is told", "[notifier][delivery][delay]") {
    auto sink = told_alice(1h);
    leaves(sink);
    sink.options.delay = {};
    sink.restart();
    CHECK(brief(pass(sink, 2)) == "-alice");
}

TEST_CASE("a dead letter's replay tells who is held how they are", "[notifier][delivery][delay]") {
    auto sink = told_alice();
    leaves(sink);
    sink.delivery->want({{"alice"}, {}});
    CHECK(brief(sink.told()) == "-alice~");
    CHECK(pass(sink, 10).empty());
}

TEST_CASE("a selection holds for what was held", "[notifier][delivery][delay]") {
    auto options = delayed();
    options.selection.states = {"online"};
    auto sink = one_sink(options);
    sink.say(true, "alice");
    sink.batch();
    CHECK(brief(sink.told()) == "+alice");
    leaves(sink);
    sink.say(true, "alice");
    sink.batch();
    CHECK(sink.told().empty());
    leaves(sink);
    CHECK(pass(sink, 10).empty());
    sink.say(true, "alice");
    sink.batch();
    CHECK(brief(sink.told()) == "+alice");
}

// Users come and go, batches are lost, the notifier is killed at any moment: whoever is told
// offline was, without a break, for the delay; and in the end the truth is told.
TEST_CASE("over all that may happen nobody is told offline before the delay is over",
          "[notifier][delivery][delay]") {
    const auto mode = GENERATE(Delivery::Mode::every, Delivery::Mode::latest);
    for (unsigned seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        const auto chance = [&](unsigned in) { return random() % in == 0; };
        auto options = delayed(std::chrono::milliseconds(500 + random() % 5'000));
        options.mode = mode;
        options.retries.chunk_max = 1 + random() % 3;
        OneSink sink(kUsers, options);
        std::map<std::string, std::int64_t> off_since;  // truth, of who is offline
        std::map<std::string, bool> told;
        std::set<std::uint64_t> kept;  // rows
        const auto take = [&](std::size_t most) {
            for (std::size_t n = 0; n < most; ++n) {
                const auto job = sink.next();
                if (!job) return;
                sink.keep(*job);
                // What is to be told is settled as a portion begins, and is told in some chunks.
                if (job->keep && kept.insert(job->keep->row).second) {
                    const auto row = notifier::decode_row(job->keep->changes);
                    for (const auto& change : row->changes) {
                        const auto& event = change.event;
                        const bool on = event.state == State::online;
                        if (on || !change.told || event.reconciled || event.user.empty()) continue;
                        CHECK(off_since.contains(event.user));
                        CHECK(sink.ms - off_since[event.user] >= options.delay / 1ms);
                    }
                }
                if (chance(10)) return sink.restart();  // perhaps told
                for (const auto& event : job->chunk)
                    if (!event.user.empty()) told[event.user] = event.state == State::online;
                sink.done(*job);
                if (chance(20)) sink.restart();
            }
        };
        for (int step = 0; step < 60; ++step) {
            sink.ms += static_cast<std::int64_t>(random() % 900);
            const auto& user = kUsers[random() % kUsers.size()];
            if (chance(2)) {
                const bool online = sink.tracker.is_online(user);
                sink.say(!online, user);
                if (online)
                    off_since[user] = sink.ms;
                else
                    off_since.erase(user);
            }
            if (chance(4)) {
                (void)sink.tracker.batch();  // lost; a tick shows it
                sink.tick();
            } else {
                sink.batch();
                if (chance(2)) sink.tick();
            }
            take(random() % 4);
        }
        (void)sink.tracker.batch();
        for (int second = 0; second < 20; ++second) {
            sink.ms += 1'000;
            sink.tick();
            take(100);
        }
        for (const auto& user : kUsers)
            CHECK(told[user] == sink.tracker.is_online(user));
        CHECK(sink.delivery->counters()["held"] == 0);
    }
}
