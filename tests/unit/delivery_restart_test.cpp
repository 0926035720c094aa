#include <rapidcheck.h>

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <random>

#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

namespace {

const std::vector<std::string> kUsers{"alice", "bob", "carol", "dave", "erin"};

// A sink, what it was told, and what its tracker said.
class Story {
public:
    Story(std::uint64_t seed, Delivery::Options options) : random_(seed), sink_(kUsers, options) {
        restart_tracker();  // each run begins with a batch
        sink_.batch();
        tell(true);
    }

    void step() {
        switch (random_() % 12) {
            case 0:
                return restart_tracker();
            case 1:
                return kill(random_() % 4);
            case 2:
                return sink_.tick();
            case 3:
            case 4:
            case 5:
                return tell(random_() % 4 != 0);
            case 6:
                (void)sink_.tracker.batch();  // lost on its way
                return;
            case 7:
                return sink_.batch();
            default:
                return change();
        }
    }
    void finish() {
        for (int n = 0; n < 50; ++n) {
            sink_.ms += 20'000;
            sink_.batch();
            sink_.tick();
            tell(true);
        }
    }

    // By id, as often as it was told.
    [[nodiscard]] std::map<std::string, std::vector<std::string>> told() const {
        std::map<std::string, std::vector<std::string>> by_user;
        std::set<std::string> ids;
        for (const auto& event : told_)
            if (ids.insert(id_of(event)).second) by_user[event.user].push_back(id_of(event));
        return by_user;
    }
    [[nodiscard]] const std::map<std::string, std::vector<std::string>>& said() const {
        return said_;
    }
    [[nodiscard]] std::set<std::string> told_online() const {
        std::set<std::string> online;
        std::set<std::string> ids;
        for (const auto& event : told_) {
            if (!ids.insert(id_of(event)).second) continue;
            if (event.state == State::online)
                online.insert(event.user);
            else
                online.erase(event.user);
        }
        return online;
    }
    [[nodiscard]] std::set<std::string> truth() {
        std::set<std::string> online;
        for (const auto& user : kUsers)
            if (sink_.tracker.is_online(user)) online.insert(user);
        return online;
    }
    [[nodiscard]] std::uint64_t reconciled() const { return reconciled_; }

private:
    void change() {
        const auto& user = kUsers[random_() % kUsers.size()];
        sink_.say(!sink_.tracker.is_online(user), user);
        said_[user].push_back(id_of(sink_.tracker.last_said()));
    }
    // Written, and killed before it was published.
    void restart_tracker() {
        (void)sink_.tracker.batch();
        sink_.tracker.restart(boot_ += 10, sink_.ms);
    }
    std::optional<Delivery::Job> hand_out() {
        sink_.ms += 20'000;  // beyond every backoff
        auto job = sink_.next();
        return job;
    }
    void take(const Delivery::Job& job) {
        for (const auto& event : job.chunk) {
            told_.push_back(event);
            reconciled_ += event.reconciled ? 1 : 0;
        }
    }
    void tell(bool takes) {
        while (const auto job = hand_out()) {
            sink_.keep(*job);
            if (!takes) {
                if (random_() % 2 == 0) take(*job);
                return sink_.delivery->on_failed(at(sink_.ms));
            }
            take(*job);
            sink_.done(*job);
        }
    }
    // At some point of the way of a job: before it is kept, told, confirmed, or after.
    void kill(std::uint64_t point) {
        if (const auto job = hand_out()) {
            if (point > 0) sink_.keep(*job);
            if (point > 1) take(*job);
            if (point > 2) sink_.kept.facts = job->facts;
        }
        sink_.restart();
    }

    std::mt19937_64 random_;
    OneSink sink_;
    std::uint64_t boot_ = 2'000;
    std::map<std::string, std::vector<std::string>> said_;
    std::vector<Event> told_;
    std::uint64_t reconciled_ = 0;
};

}  // namespace

TEST_CASE("a new sink is told once who is online; after a restart it goes on",
          "[notifier][delivery][restart]") {
    OneSink sink(kUsers);
    sink.say(true, "alice");
    sink.say(true, "bob");
    (void)sink.tracker.batch();
    sink.tick();
    auto told = sink.told();
    CHECK(told.size() == 2);
    sink.restart();
    sink.tick();
    CHECK(sink.told().empty());
    sink.say(false, "alice");
    sink.say(true, "alice");
    (void)sink.tracker.batch();  // while it was away
    sink.restart();
    sink.tick();
    CHECK(brief(sink.told()) == "-alice +alice");
}

TEST_CASE("a sink with nobody online yet goes on after a restart as well",
          "[notifier][delivery][restart]") {
    OneSink sink(kUsers);
    sink.tick();
    CHECK(sink.told().empty());
    sink.say(true, "alice");
    sink.say(false, "alice");
    (void)sink.tracker.batch();
    sink.restart();
    sink.tick();
    CHECK(brief(sink.told()) == "+alice -alice");
}

TEST_CASE("a sink in the midst of a comparison is told of a gap after a restart",
          "[notifier][delivery][restart]") {
    OneSink sink(kUsers);
    sink.say(true, "alice");
    sink.tick();
    sink.batch();
    CHECK(brief(sink.told()) == "+alice~");
    sink.tracker.wipe();
    sink.tracker.restart(2'000, sink.ms);
    sink.batch();
    auto told = sink.told();  // alice is in doubt: the evidence does not reach back as far
    REQUIRE(told.size() == 1);
    CHECK(is_gap_notice(told.front()));

    sink.say(true, "bob");
    sink.say(false, "bob");
    (void)sink.tracker.batch();  // while it was away
    sink.restart();
    sink.tick();
    told = sink.told();
    REQUIRE(told.size() == 1);
    CHECK(is_gap_notice(told.front()));
}

TEST_CASE("what was tried and not confirmed is told again after a restart, in the same chunks",
          "[notifier][delivery][restart]") {
    OneSink sink(kUsers, {.chunk_max = 2});
    sink.tick();
    CHECK(sink.told().empty());
    for (const bool online : {true, false, true, false, true})
        sink.say(online, "alice");
    sink.batch();
    const auto first = sink.next();
    REQUIRE(first);
    sink.keep(*first);
    sink.done(*first);
    const auto second = sink.next();
    REQUIRE(second);
    sink.restart();
    const auto again = sink.next();
    REQUIRE(again);
    CHECK(again->chunk == second->chunk);
    sink.done(*again);
    CHECK(brief(sink.told()) == "+alice");
}

TEST_CASE("a ttl that grew is known after a restart", "[notifier][delivery][restart]") {
    OneSink sink(kUsers);
    sink.tick();
    CHECK(sink.told().empty());
    sink.say(true, "alice");
    sink.batch();
    CHECK(brief(sink.told()) == "+alice");
    sink.tracker.ttl_grows("alice", ++sink.ms, 60'000);
    sink.batch();
    CHECK(sink.told().empty());
    sink.restart();
    REQUIRE(sink.delivery->follower().find("alice") != nullptr);
    CHECK(sink.delivery->follower().find("alice")->ttl_ms == 60'000);
}

TEST_CASE(
    "whenever notifier and tracker are killed, and whatever is lost between, a sink is told each "
    "transition, in order, with the same id on each try",
    "[notifier][delivery][restart][property]") {
    rc::prop("", [](std::uint64_t seed) {
        Story story(seed, {.queue_max = 4, .chunk_max = 3});
        for (int n = 0; n < 300; ++n)
            story.step();
        story.finish();
        RC_ASSERT(story.told() == story.said());
        RC_ASSERT(story.told_online() == story.truth());
        RC_ASSERT(story.reconciled() == 0u);
    });
}

TEST_CASE("a sink that wants the newest ends in the truth over all of this",
          "[notifier][delivery][restart][property]") {
    rc::prop("", [](std::uint64_t seed) {
        Story story(seed, {.mode = Delivery::Mode::latest, .queue_max = 4, .chunk_max = 3});
        for (int n = 0; n < 300; ++n)
            story.step();
        story.finish();
        RC_ASSERT(story.told_online() == story.truth());
    });
}
