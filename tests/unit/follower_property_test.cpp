#include <rapidcheck.h>

#include <rapidcheck/catch.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <set>

#include "fake_tracker.hpp"

using namespace presence;
using namespace presence::testing;

namespace {

struct Faults {
    // In percent, of each message.
    int lost = 0;
    int doubled = 0;
    int overtaken = 0;
    int delayed = 0;
    // In permille, of each step.
    int restart = 0;  // of a tracker
    int crash = 0;    // of the follower
    // In percent of the restarts; the journal is whole after the others.
    int wiped = 0;
    int torn = 0;
    int trimmed = 0;  // in permille, of each step
};

// The truth (a plain set), trackers that speak about it, links that lose, double, reorder and
// delay, and a follower that is restarted. Checks every event handed out.
class FollowerWorld {
public:
    FollowerWorld(std::uint64_t seed, Faults faults)
        : random_(seed),
          faults_(faults),
          journal_whole_(faults.wiped + faults.torn + faults.trimmed == 0),
          map_(map_of(ids(), users())),
          options_{.trackers = ids(),
                   .answer_timeout = 200ms,
                   .questions_max = 3,
                   .waiting_max = seed % 2 == 0 ? 3u : 1'000u},
          follower_(std::in_place, options_, map_) {
        for (std::size_t i = 0; i < ids().size(); ++i) {
            auto& tracker = trackers_.emplace_back(ids()[i], 1'000 + i, 2);
            // As a run begins: with a batch, so that its journal is never without its boot.
            tracker.restart(1'000 + i, 0);
            tracker.covered_since_ms = -1'000'000;
        }
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
        RC_ASSERT(follower_->in_step());
        std::set<std::string> known;
        follower_->each_ledger([&](const Ledger& ledger) {
            ledger.each([&](const std::string& user, const auto&) { known.insert(user); });
        });
        RC_ASSERT(known == alive_);
        RC_ASSERT(now_.told == alive_);
    }
    // Everything that a tracker said since the first comparison was handed out, as it was said.
    void check_nothing_is_missing() {
        for (const auto& [user, events] : said_) {
            std::vector<std::string> ids;
            for (const auto& event : events)
                if (Place(event.epoch, event.seq) > now_.first[event.slot])
                    ids.push_back(id_of(event));
            RC_ASSERT(now_.passed_on[user] == ids);
        }
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
        std::size_t life;  // of the follower
    };
    using Place = std::pair<Epoch, std::uint64_t>;
    // What a listener was told, and what goes with it.
    struct Listener {
        std::set<std::string> told;  // whom it takes to be online
        std::map<std::string, std::int64_t> since;
        std::map<std::string, Place> newest;
        std::map<std::string, std::vector<std::string>> passed_on;  // ids, by user
        std::map<Slot, Place> first;                                // when it was compared first
    };
    struct Saved {
        Listener listener;
        std::vector<Cursor> cursors{2};
        std::vector<std::vector<Slot>> open_slots{2};
        struct Slot_ {
            Slot slot;
            Position position;
            std::vector<std::pair<std::string, Told>> users;
        };
        std::vector<Slot_> slots;
    };

    bool happens(int percent) { return static_cast<int>(random_() % 100) < percent; }
    bool seldom(int permille) { return static_cast<int>(random_() % 1000) < permille; }
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
        for (const auto& user : users()) {
            const bool late = now_ms_ - restarted_ms_ > kTtlMs / 2;
            if (alive_.contains(user) && !tracker_of(user).is_online(user) &&
                (!changing || happens(5) || late))
                says(user, true);
            // A tracker that lost the end of its journal takes them to be online.
            if (!alive_.contains(user) && tracker_of(user).is_online(user) && late)
                says(user, false);
        }
        deliver();
        turn();
        if (changing && happens(30)) save();
        if (changing && seldom(faults_.crash)) crash();
    }

    void says(const std::string& user, bool online) {
        auto& tracker = tracker_of(user);
        if (online)
            tracker.online(user, now_ms_);
        else
            tracker.offline(user, now_ms_);
        said_[user].push_back(tracker.last_said());
    }

    void change() {
        for (auto& tracker : trackers_) {
            if (seldom(faults_.trimmed)) tracker.trim_to_last_rows(random_() % 10);
            if (!seldom(faults_.restart)) continue;
            (void)tracker.batch();  // written, and killed before it was published
            if (happens(faults_.wiped)) tracker.wipe();
            if (happens(faults_.torn)) tracker.lose_last_rows(1 + random_() % 3);
            tracker.restart(boot_ += 1 + random_() % 3, now_ms_);
            restarted_ms_ = now_ms_;
        }
        for (const auto& user : users()) {
            if (!happens(4)) continue;
            if (alive_.insert(user).second) {
                last_dead_[user] = now_ms_ - 1;
                if (!tracker_of(user).is_online(user)) says(user, true);
                continue;
            }
            alive_.erase(user);
            if (tracker_of(user).is_online(user)) says(user, false);
        }
    }

    void save() {
        saved_.listener = now_;
        saved_.slots.clear();
        for (std::size_t i = 0; i < trackers_.size(); ++i) {
            saved_.cursors[i] = follower_->cursor(i);
            saved_.open_slots[i] = follower_->open_slots(i);
        }
        follower_->each_ledger([&](const Ledger& ledger) {
            auto& slot =
                saved_.slots.emplace_back(Saved::Slot_{ledger.slot(), ledger.position(), {}});
            ledger.each([&](const std::string& user, const Told& told) {
                slot.users.emplace_back(user, told);
            });
        });
    }

    // What was not saved was not told.
    void crash() {
        ++life_;
        now_ = saved_.listener;
        follower_.emplace(options_, map_);
        for (const auto& [slot, position, users] : saved_.slots)
            follower_->restore(slot, position, users);
        for (std::size_t i = 0; i < trackers_.size(); ++i)
            follower_->restore(i, saved_.cursors[i], saved_.open_slots[i]);
    }

    void send(InFlight::Kind kind, std::size_t tracker, std::string bytes) {
        if (happens(faults_.lost)) return;
        const auto due = now_ms_ + (happens(faults_.delayed) ? random_() % 300 : 0);
        InFlight message{kind, tracker, std::move(bytes), static_cast<std::int64_t>(due), life_};
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
                    if (auto heard = message_of_batch(message.tracker, ids()[message.tracker],
                                                      message.bytes))
                        follower_->on_batch(message.tracker, std::get<Batch>(heard->message), now);
                    break;
                case InFlight::Kind::tick:
                    if (auto heard =
                            message_of_tick(message.tracker, ids()[message.tracker], message.bytes))
                        follower_->on_tick(message.tracker, std::get<Tick>(heard->message), now);
                    break;
                case InFlight::Kind::answer:
                    if (message.life == life_)
                        follower_->on_answer(
                            message.tracker,
                            std::get<Answer>(
                                message_of_answer(message.tracker, message.bytes)->message),
                            now, WallOffset{});
                    break;
                case InFlight::Kind::question: {
                    auto& tracker = trackers_[message.tracker];
                    // Answered after the turn's batch.
                    if (auto batch = tracker.batch())
                        send(InFlight::Kind::batch, message.tracker, *batch);
                    // An earlier life's connection is gone.
                    if (message.life == life_)
                        send(InFlight::Kind::answer, message.tracker,
                             tracker.answer(message.bytes, now_ms_));
                    break;
                }
            }
        }
    }

    void turn() {
        std::vector<Change> changes;
        std::vector<Question> questions;
        follower_->end_turn(at(now_ms_), WallOffset{}, changes, questions);
        for (const auto& question : questions)
            send(InFlight::Kind::question, question.tracker, question.bytes);
        for (const auto& change : changes)
            if (change.told && !change.event.user.empty()) check(change.event);
        RC_ASSERT(follower_->counters()["refused"] == 0);
        follower_->each_ledger([&](const Ledger& ledger) {
            if (is_compared(ledger.slot()))
                now_.first.try_emplace(ledger.slot(), ledger.position().epoch,
                                       ledger.position().seq);
            else if (now_.first.contains(ledger.slot()))
                begin_anew(ledger.slot());
        });
    }

    bool is_compared(Slot slot) {
        const auto open = follower_->open_slots(map_.owner[slot]);
        return std::find(open.begin(), open.end(), slot) == open.end();
    }
    // While more comes than may wait for the comparison of the others, all are compared again.
    void begin_anew(Slot slot) {
        RC_ASSERT(!journal_whole_ || options_.waiting_max == 3u);
        now_.first.erase(slot);
        for (auto& [user, ids] : now_.passed_on)
            if (slot_of(hash_of(user)) == slot) ids.clear();
    }

    void check(const Event& event) {
        const Place place(event.epoch, event.seq);
        const auto before = now_.newest.find(event.user);
        RC_ASSERT(before == now_.newest.end() || before->second < place);
        now_.newest[event.user] = place;
        if (now_.first.contains(event.slot) && journal_whole_) {
            RC_ASSERT(!event.reconciled);
            now_.passed_on[event.user].push_back(id_of(event));
        }
        if (event.state == State::online) {
            RC_ASSERT(now_.told.insert(event.user).second);
            now_.since[event.user] = *event.since_ms;
        } else {
            RC_ASSERT(now_.told.erase(event.user) == 1);
            RC_ASSERT(!alive_.contains(event.user) ||
                      last_dead_[event.user] >= now_.since[event.user]);
        }
    }

    std::mt19937_64 random_;
    Faults faults_;
    bool journal_whole_;
    SlotMap map_;
    FollowerOptions options_;
    std::optional<Follower> follower_;
    std::vector<FakeTracker> trackers_;
    std::uint64_t boot_ = 2'000;
    std::int64_t now_ms_ = 0;
    std::int64_t restarted_ms_ = 0;
    std::deque<InFlight> link_;
    std::size_t life_ = 0;
    std::set<std::string> alive_;                    // the truth
    std::map<std::string, std::int64_t> last_dead_;  // of those alive: just before they came
    std::map<std::string, std::vector<Event>> said_;
    Listener now_;
    Saved saved_;
};

Faults links() {
    Faults faults;
    faults.lost = *rc::gen::inRange(0, 30);
    faults.doubled = *rc::gen::inRange(0, 30);
    faults.overtaken = *rc::gen::inRange(0, 30);
    faults.delayed = *rc::gen::inRange(0, 50);
    faults.restart = *rc::gen::inRange(0, 10);
    faults.crash = *rc::gen::inRange(0, 20);
    return faults;
}

}  // namespace

TEST_CASE(
    "whatever the links lose, double, delay and reorder, whenever trackers restart, with their "
    "journal, without, or with a part of it, and whenever the follower does, a listener ends in "
    "the truth, in order, and never hears a false offline",
    "[notifier][follower][property]") {
    rc::prop("", [](std::uint64_t seed) {
        auto faults = links();
        faults.wiped = *rc::gen::inRange(0, 50);
        faults.torn = *rc::gen::inRange(0, 50);
        faults.trimmed = *rc::gen::inRange(0, 20);
        FollowerWorld world(seed, faults);
        world.run(400);
        world.check_end();
    });
}

TEST_CASE("as long as the journal reaches back, everything is handed out, as it was said",
          "[notifier][follower][property]") {
    rc::prop("", [](std::uint64_t seed) {
        FollowerWorld world(seed, links());
        world.run(400);
        world.check_end();
        world.check_nothing_is_missing();
    });
}

TEST_CASE("bytes that mean nothing change nothing", "[notifier][follower][property]") {
    rc::prop("", [](const std::string& bytes) {
        OneTracker world({"alice"});
        world.tick(0);
        world.tracker.online("alice", 1);
        world.hear(1);
        world.on_batch(bytes, 2);
        world.on_tick(bytes, 2);
        world.on_answer(bytes, 2);
        RC_ASSERT(world.turn(2).empty());
        RC_ASSERT(world.follower->find("alice") != nullptr);
    });
}
