#include <rapidcheck.h>

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <set>

#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

namespace {

// In percent, of each message.
struct Faults {
    int lost = 0;
    int doubled = 0;
    int overtaken = 0;
    int delayed = 0;
    int restart = 0;  // of each step, in permille
};

// The truth (a plain set), trackers that speak about it, links that lose, double, reorder and
// delay, and a follower. Checks every event handed out.
class World {
public:
    World(std::uint64_t seed, Faults faults)
        : random_(seed),
          faults_(faults),
          map_(map_of(ids(), users())),
          follower_({.trackers = ids(), .answer_timeout = 200ms, .questions_max = 3}, map_, at(0)) {
        for (std::size_t i = 0; i < ids().size(); ++i)
            trackers_.emplace_back(ids()[i], 1'000 + i, 2);
    }

    void run(std::int64_t steps) {
        for (std::int64_t n = 0; n < steps; ++n)
            step(true);
        faults_ = {};
        // Long enough for whoever a restart left in doubt.
        for (std::int64_t n = 0; n < (3 * kTtlMs + 5'000) / kStepMs; ++n)
            step(false);
    }

    void check_end() {
        RC_ASSERT(follower_.in_step());
        std::set<std::string> known;
        follower_.each_online([&](const Event& event) { known.insert(event.user); });
        RC_ASSERT(known == alive_);
        RC_ASSERT(told_ == alive_);
    }

private:
    static constexpr std::int64_t kStepMs = 20;
    static std::vector<std::string> ids() { return {"t1", "t2"}; }
    static std::vector<std::string> users() {
        std::vector<std::string> names;
        for (int i = 0; i < 12; ++i)
            names.push_back("u" + std::to_string(i));
        return names;
    }
    struct InFlight {
        enum class Kind { batch, tick, question, answer } kind;
        std::size_t tracker;
        std::string bytes;
        std::int64_t due_ms;
    };

    bool happens(int percent) { return static_cast<int>(random_() % 100) < percent; }
    FakeTracker& tracker_of(const std::string& user) {
        return trackers_[map_.owner[slot_of(hash_of(user))]];
    }

    void step(bool changing) {
        now_ms_ += kStepMs;
        if (changing) change();
        for (std::size_t i = 0; i < trackers_.size(); ++i) {
            if (auto batch = trackers_[i].batch()) send(InFlight::Kind::batch, i, *batch);
            if (now_ms_ % 200 == 0) send(InFlight::Kind::tick, i, trackers_[i].tick());
        }
        for (const auto& user : users())
            if (alive_.contains(user) && !tracker_of(user).is_online(user) &&
                (!changing || happens(5) || now_ms_ - restarted_ms_ > kTtlMs / 2))
                tracker_of(user).online(user, now_ms_);
        deliver();
        turn();
    }

    void change() {
        for (std::size_t i = 0; i < trackers_.size(); ++i) {
            if (static_cast<int>(random_() % 1000) >= faults_.restart) continue;
            trackers_[i].restart(boot_ += 1 + random_() % 3, now_ms_);
            restarted_ms_ = now_ms_;
        }
        for (const auto& user : users()) {
            if (!happens(4)) continue;
            if (alive_.insert(user).second) {
                last_dead_[user] = now_ms_ - 1;
                tracker_of(user).online(user, now_ms_);
                continue;
            }
            alive_.erase(user);
            if (tracker_of(user).is_online(user)) tracker_of(user).offline(user, now_ms_);
        }
    }

    void send(InFlight::Kind kind, std::size_t tracker, std::string bytes) {
        if (happens(faults_.lost)) return;
        const auto due = now_ms_ + (happens(faults_.delayed) ? random_() % 300 : 0);
        InFlight message{kind, tracker, std::move(bytes), static_cast<std::int64_t>(due)};
        if (happens(faults_.doubled)) link_.push_back(message);
        if (happens(faults_.overtaken) && !link_.empty())
            link_.insert(link_.end() - 1, std::move(message));
        else
            link_.push_back(std::move(message));
    }

    void deliver() {
        std::deque<InFlight> due;
        std::deque<InFlight> later;
        for (auto& message : link_)
            (message.due_ms <= now_ms_ ? due : later).push_back(std::move(message));
        link_ = std::move(later);
        for (const auto& message : due) {
            const auto now = at(now_ms_);
            switch (message.kind) {
                case InFlight::Kind::batch:
                    follower_.on_batch(message.tracker, message.bytes, now);
                    break;
                case InFlight::Kind::tick:
                    follower_.on_tick(message.tracker, message.bytes, now);
                    break;
                case InFlight::Kind::answer:
                    follower_.on_answer(message.tracker, message.bytes, now);
                    break;
                case InFlight::Kind::question: {
                    auto& tracker = trackers_[message.tracker];
                    // Answered after the turn's batch.
                    if (auto batch = tracker.batch())
                        send(InFlight::Kind::batch, message.tracker, *batch);
                    send(InFlight::Kind::answer, message.tracker,
                         tracker.answer(message.bytes, now_ms_));
                    break;
                }
            }
        }
    }

    void turn() {
        std::vector<Event> events;
        std::vector<notifier::Question> questions;
        follower_.end_turn(at(now_ms_), WallOffset{}, events, questions);
        for (const auto& question : questions)
            send(InFlight::Kind::question, question.tracker, question.bytes);
        for (const auto& event : events)
            check(event);
    }

    void check(const Event& event) {
        const std::pair position(event.epoch, event.seq);
        const auto before = newest_.find(event.user);
        RC_ASSERT(before == newest_.end() || before->second < position);
        newest_[event.user] = position;
        if (event.state == State::online) {
            RC_ASSERT(told_.insert(event.user).second);
            told_since_[event.user] = *event.since_ms;
        } else {
            RC_ASSERT(told_.erase(event.user) == 1 || !event.reconciled);
            RC_ASSERT(!alive_.contains(event.user) ||
                      last_dead_[event.user] >= told_since_[event.user]);
        }
    }

    std::mt19937_64 random_;
    Faults faults_;
    SlotMap map_;
    notifier::Follower follower_;
    std::vector<FakeTracker> trackers_;
    std::uint64_t boot_ = 2'000;
    std::int64_t now_ms_ = 0;
    std::int64_t restarted_ms_ = 0;
    std::deque<InFlight> link_;

    std::set<std::string> alive_;                    // the truth
    std::map<std::string, std::int64_t> last_dead_;  // of those alive: just before they came
    std::set<std::string> told_;                     // whom a listener takes to be online
    std::map<std::string, std::int64_t> told_since_;
    std::map<std::string, std::pair<Epoch, std::uint64_t>> newest_;
};

}  // namespace

TEST_CASE(
    "whatever the links lose, double, delay and reorder, and whenever trackers restart, a "
    "listener ends in the truth, in order, and never hears a false offline",
    "[notifier][follower][property]") {
    rc::prop("", [](std::uint64_t seed) {
        Faults faults;
        faults.lost = *rc::gen::inRange(0, 30);
        faults.doubled = *rc::gen::inRange(0, 30);
        faults.overtaken = *rc::gen::inRange(0, 30);
        faults.delayed = *rc::gen::inRange(0, 50);
        faults.restart = *rc::gen::inRange(0, 10);
        World world(seed, faults);
        world.run(400);
        world.check_end();
    });
}

TEST_CASE("bytes that mean nothing change nothing", "[notifier][follower][property]") {
    rc::prop("", [](const std::string& bytes) {
        OneTracker world({"alice"});
        world.tracker.online("alice", 1);
        world.hear(1);
        world.follower.on_batch(0, bytes, at(2));
        world.follower.on_tick(0, bytes, at(2));
        world.follower.on_answer(0, bytes, at(2));
        RC_ASSERT(world.turn(2).empty());
        RC_ASSERT(world.follower.find("alice") != nullptr);
    });
}
