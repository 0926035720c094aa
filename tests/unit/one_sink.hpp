#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fake_tracker.hpp"
#include "notifier/deliver/delivery.hpp"
#include "tests/support/kept_in_memory.hpp"

namespace presence::testing {

// A tracker, a delivery that follows it, and what it keeps.
struct OneSink {
    explicit OneSink(const std::vector<std::string>& users, notifier::Delivery::Options o = {},
                     std::size_t questions = 16)
        : tracker("t1", 1'000), map(map_of({"t1"}, users)), options(o), questions_max(questions) {
        start();
    }
    void start() {
        FollowerOptions follower;
        follower.trackers = {"t1"};
        follower.questions_max = questions_max;
        follower.user_prefix = user_prefix;
        delivery.emplace(options, follower, map, seed);
    }
    void restart() {
        ++seed;
        start();
        kept.restore(*delivery);
    }

    void say(bool online, const std::string& user, std::optional<std::string> status = {}) {
        ++ms;
        if (online)
            tracker.online(user, ms, std::move(status));
        else
            tracker.offline(user, ms);
    }
    void batch() {
        if (const auto bytes = tracker.batch())
            delivery->on_heard(message_of_batch(0, "t1", *bytes));
    }
    void tick() { delivery->on_heard(message_of_tick(0, "t1", tracker.tick())); }
    // Takes in what came; questions are answered at once.
    void turn() {
        for (;;) {
            std::vector<Question> questions;
            delivery->turn(at(ms), WallOffset{}, questions);
            for (const auto& question : questions)
                delivery->on_heard(message_of_answer(0, tracker.answer(question.bytes, ms)));
            const bool more = delivery->next_wakeup() <= at(ms) && delivery->idle() == false;
            if (questions.empty() && (!more || delivery->counters()["waiting"] > 0)) break;
        }
    }
    std::optional<notifier::Delivery::Job> next() {
        turn();
        return delivery->next(at(ms));
    }
    void keep(const notifier::Delivery::Job& job) {
        if (job.keep) kept.before(*job.keep);
    }
    void done(const notifier::Delivery::Job& job) {
        kept.facts = job.facts;
        delivery->on_delivered();
    }
    // All that there is to be told.
    std::vector<Event> told() {
        std::vector<Event> events;
        while (auto job = next()) {
            keep(*job);
            events.insert(events.end(), job->chunk.begin(), job->chunk.end());
            done(*job);
        }
        return events;
    }

    FakeTracker tracker;
    SlotMap map;
    notifier::Delivery::Options options;
    std::size_t questions_max;
    std::string user_prefix;
    std::optional<notifier::Delivery> delivery;
    KeptInMemory kept;
    std::uint64_t seed = 7;  // another one in each life
    std::int64_t ms = 0;
};

inline const std::vector<std::string> kUsers{"alice", "bob", "carol", "dave", "erin"};

// In step with its tracker.
inline OneSink one_sink(const notifier::Delivery::Options& options = {}) {
    OneSink sink(kUsers, options);
    sink.tick();
    CHECK(sink.told().empty());
    return sink;
}

}  // namespace presence::testing
