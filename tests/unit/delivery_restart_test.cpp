#include <rapidcheck.h>

#include <rapidcheck/catch.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

namespace {

// A sink, what it was told, and what its tracker said.
class Story {
public:
    enum class Begin { compared, unknown };
    // The sink is new, and the first comparison over; or all of it is to come, a slot at a time,
    // and some are online.
    Story(std::uint64_t seed, Delivery::Options options, Begin begin = Begin::compared)
        : random_(seed), sink_(kUsers, options, begin == Begin::compared ? 16 : 1) {
        restart_tracker();
        if (begin == Begin::compared) {
            sink_.tick();
            tell(true);
            return;
        }
        for (const auto& user : kUsers)
            if (random_() % 2 == 0) change_of(user);
        (void)sink_.tracker.batch();
        for (auto kills = random_() % 8; kills > 0; --kills) {
            sink_.tick();
            for (auto jobs = random_() % 3; jobs > 0; --jobs)
                tell_one();
            kill(random_() % 4);
            change();
        }
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
    // But for a difference that comes first: each user's are the last of what was said, at least
    // all that came after the comparison of their slot was kept.
    [[nodiscard]] bool told_what_is_owed() const {
        std::map<std::string, std::size_t> owed;
        for (const auto& event : all_said_)
            if (place_of(event) > compared_at_.at(event.slot)) ++owed[event.user];
        auto told = this->told();
        for (const auto& [user, said] : said_) {
            auto& ids = told[user];
            if (!ids.empty() && ids.front().find(".r") != std::string::npos) ids.erase(ids.begin());
            if (ids.size() < owed[user] || ids.size() > said.size() ||
                !std::equal(ids.rbegin(), ids.rend(), said.rbegin()))
                return false;
        }
        return true;
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
    static Position place_of(const Event& event) { return {event.epoch, event.seq}; }
    void change() { change_of(kUsers[random_() % kUsers.size()]); }
    void change_of(const std::string& user) {
        sink_.say(!sink_.tracker.is_online(user), user);
        all_said_.push_back(sink_.tracker.last_said());
        said_[user].push_back(id_of(all_said_.back()));
    }
    void keep(const Delivery::Job& job) {
        sink_.keep(job);
        const auto kept = notifier::decode_facts(sink_.kept.facts);
        const auto& open = kept->places.at(0).open_slots;
        for (const auto& user : kUsers)
            if (const auto slot = slot_of(hash_of(user));
                std::find(open.begin(), open.end(), slot) == open.end())
                compared_at_.try_emplace(slot, sink_.delivery->follower().ledger(slot)->position());
    }
    // Written, and killed before it was published. Each run begins with a batch, and ticks after
    // it.
    void restart_tracker() {
        (void)sink_.tracker.batch();
        sink_.tracker.restart(boot_ += 10, sink_.ms);
        (void)sink_.tracker.batch();
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
    void tell_one() {
        const auto job = hand_out();
        if (!job) return;
        keep(*job);
        take(*job);
        sink_.done(*job);
    }
    void tell(bool takes) {
        while (const auto job = hand_out()) {
            keep(*job);
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
            if (point > 0) keep(*job);
            if (point > 1) take(*job);
            if (point > 2) sink_.kept.facts = job->facts;
        }
        sink_.restart();
    }

    std::mt19937_64 random_;
    OneSink sink_;
    std::uint64_t boot_ = 2'000;
    std::map<std::string, std::vector<std::string>> said_;
    std::vector<Event> all_said_;
    std::map<Slot, Position> compared_at_;
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
    OneSink sink(kUsers, {.retries = {.chunk_max = 2}});
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

TEST_CASE("a mode that was changed holds for what comes, and what was tried is told as it was",
          "[notifier][delivery][restart]") {
    OneSink sink(kUsers);
    sink.tick();
    CHECK(sink.told().empty());
    for (const bool online : {true, false, true})
        sink.say(online, "alice");
    sink.batch();
    const auto tried = sink.next();
    REQUIRE(tried);
    sink.keep(*tried);

    sink.options.mode = Delivery::Mode::latest;
    sink.restart();
    CHECK(brief(sink.told()) == "+alice -alice +alice");
    for (const bool online : {false, true, false})
        sink.say(online, "alice");
    (void)sink.tracker.batch();
    sink.tick();
    CHECK(brief(sink.told()) == "-alice");

    sink.options.mode = Delivery::Mode::every;
    sink.restart();
    for (const bool online : {true, false})
        sink.say(online, "alice");
    (void)sink.tracker.batch();
    sink.tick();
    CHECK(brief(sink.told()) == "+alice -alice");
}

TEST_CASE(
    "whenever notifier and tracker are killed, and whatever is lost between, a sink is told each "
    "transition, in order, with the same id on each try",
    "[notifier][delivery][restart][property]") {
    rc::prop("", [](std::uint64_t seed) {
        Story story(seed, {.queue_max = 4, .retries = {.chunk_max = 3}});
        for (int n = 0; n < 300; ++n)
            story.step();
        story.finish();
        RC_ASSERT(story.told() == story.said());
        RC_ASSERT(story.told_online() == story.truth());
        RC_ASSERT(story.reconciled() == 0u);
    });
}

TEST_CASE(
    "a sink that is killed in its first fill is told of no gap: whom it knows already it is told "
    "each transition of, and the others once they are compared",
    "[notifier][delivery][restart][property]") {
    rc::prop("", [](std::uint64_t seed) {
        Story story(seed, {.queue_max = 4, .retries = {.chunk_max = 3}}, Story::Begin::unknown);
        for (int n = 0; n < 60; ++n)
            story.step();
        story.finish();
        RC_ASSERT(!story.told().contains(""));  // a notice has no user
        RC_ASSERT(story.told_what_is_owed());
        RC_ASSERT(story.told_online() == story.truth());
    });
}

TEST_CASE("a sink that wants the newest ends in the truth over all of this",
          "[notifier][delivery][restart][property]") {
    rc::prop("", [](std::uint64_t seed) {
        Story story(seed,
                    {.mode = Delivery::Mode::latest, .queue_max = 4, .retries = {.chunk_max = 3}});
        for (int n = 0; n < 300; ++n)
            story.step();
        story.finish();
        RC_ASSERT(story.told_online() == story.truth());
    });
}
