#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/follow/follower.hpp"
#include "common/follow/messages.hpp"
#include "common/slots.hpp"
#include "common/time.hpp"
#include "common/wire/batch.hpp"
#include "common/wire/query.hpp"

namespace presence::testing {

inline constexpr std::uint32_t kTtlMs = 2'000;

inline Instant at(std::int64_t ms) {
    return Instant{Duration{ms * 1000}};
}

// A tracker as a follower sees it, from plain maps: it is told transitions, and says them in
// batches, ticks, snapshots and replays. Its evidence reaches back to `covered_since_ms`.
class FakeTracker {
public:
    struct User {
        std::int64_t since_ms = 0;
        std::uint32_t ttl_ms = kTtlMs;
        std::optional<std::string> status;
    };

    FakeTracker(std::string id, std::uint64_t boot, std::size_t page_users = 1000)
        : id_(std::move(id)), boot_(boot), page_users_(page_users) {}

    void online(const std::string& user, std::int64_t now_ms,
                std::optional<std::string> status = {}, std::uint32_t ttl_ms = kTtlMs) {
        slots_[slot_of(hash_of(user))].users[user] = {now_ms, ttl_ms, status};
        say(user, State::online, "heartbeat", now_ms, std::move(status), ttl_ms);
    }
    void ttl_grows(const std::string& user, std::int64_t now_ms, std::uint32_t ttl_ms) {
        auto& known = slots_[slot_of(hash_of(user))].users.at(user);
        known.ttl_ms = ttl_ms;
        say(user, State::online, "ttl", now_ms, known.status, ttl_ms);
    }
    void offline(const std::string& user, std::int64_t now_ms) {
        slots_[slot_of(hash_of(user))].users.erase(user);
        say(user, State::offline, "timeout", now_ms, {}, kTtlMs);
    }
    [[nodiscard]] bool is_online(const std::string& user) {
        return slots_[slot_of(hash_of(user))].users.contains(user);
    }

    [[nodiscard]] const Event& last_said() const { return last_said_; }

    // What was said since the last batch; nothing if nothing was.
    std::optional<std::string> batch() {
        if (said_.empty() && !beginning_) return std::nullopt;
        Batch batch{id_, boot_, ++number_, prev_boot_, {}};
        for (auto& [slot, run] : said_)
            batch.slots.push_back(std::move(run));
        said_.clear();
        beginning_ = false;
        auto bytes = encode_batch(batch);
        journal_[number_] = {boot_, bytes, slots_};
        return bytes;
    }
    [[nodiscard]] std::string tick() const { return encode_tick({id_, boot_, number_}); }

    // Requires: everything said is in a batch.
    [[nodiscard]] std::string answer(const std::string& question, std::int64_t now_ms) {
        const auto query = std::get<Query>(decode_query(question));
        Answer answer;
        answer.rid = query.rid;
        answer.as_of_ms = now_ms;
        if (const auto* const replay = std::get_if<ReplayQuery>(&query.op))
            answer_replay(*replay, answer);
        else
            answer.body = snapshot(std::get<SnapshotQuery>(query.op), now_ms);
        return encode_answer(answer);
    }

    // Another run. It knows what its journal knows; without one, nobody.
    void restart(std::uint64_t boot, std::int64_t now_ms) {
        const auto last = journal_.rbegin();
        prev_boot_ = last == journal_.rend() ? 0 : last->second.boot;
        number_ = last == journal_.rend() ? 0 : last->first;
        slots_ = last == journal_.rend() ? Slots{} : last->second.slots;
        for (auto& [slot, state] : slots_)
            state.seq = 0;
        boot_ = boot;
        said_.clear();
        beginning_ = true;
        covered_since_ms = now_ms;
    }
    void wipe() { journal_.clear(); }
    void lose_last_rows(std::size_t rows) {
        for (; rows > 0 && !journal_.empty(); --rows)
            journal_.erase(std::prev(journal_.end()));
    }
    void trim_to_last_rows(std::size_t rows) {
        while (journal_.size() > rows)
            journal_.erase(journal_.begin());
    }

    [[nodiscard]] Epoch epoch() const { return boot_ * 1024; }
    std::int64_t covered_since_ms = -1'000'000;
    std::optional<std::string> list{};      // by which it goes
    std::map<Slot, std::int64_t> taken_ms;  // over from another tracker
    std::size_t page_rows = 3;
    std::size_t replays = 0;  // asked for

private:
    struct SlotState {
        std::uint64_t seq = 0;
        std::map<std::string, User> users;
    };
    using Slots = std::map<Slot, SlotState>;
    struct Row {
        std::uint64_t boot = 0;
        std::string bytes;
        Slots slots;  // as they were after it
    };

    void answer_replay(const ReplayQuery& asked, Answer& answer) {
        ++replays;
        const auto from = journal_.upper_bound(asked.after);
        const auto after = journal_.find(asked.after);
        const bool from_the_start = asked.after == 0 && from != journal_.end() &&
                                    from->first == 1 && from->second.boot == asked.boot;
        if (asked.after > number_ || (after != journal_.end() && after->second.boot != asked.boot))
            answer.body = QueryError{"diverged", "", "", answer.rid};
        else if (after == journal_.end() && !from_the_start)
            answer.body = QueryError{"too_old", "", "", answer.rid};
        else
            answer.body = replay(from);
    }

    ReplayAnswer replay(std::map<std::uint64_t, Row>::const_iterator from) const {
        ReplayAnswer rows{boot_, number_, {}};
        for (; from != journal_.end() && rows.rows.size() < page_rows; ++from)
            rows.rows.push_back(from->second.bytes);
        return rows;
    }

    SnapshotAnswer snapshot(const SnapshotQuery& asked, std::int64_t now_ms) {
        SnapshotAnswer whole;
        whole.slot = asked.slot;
        whole.epoch = epoch();
        whole.seq = slots_[asked.slot].seq;
        whole.boot = boot_;
        whole.batch = number_;
        whole.list = list;
        const auto taken = taken_ms.find(asked.slot);
        const auto since =
            taken == taken_ms.end() ? covered_since_ms : std::max(covered_since_ms, taken->second);
        whole.covers_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_ms - since));
        std::size_t n = 0;
        const std::size_t first = asked.cursor.empty() ? 0 : std::stoul(asked.cursor);
        for (const auto& [name, user] : slots_[asked.slot].users) {
            if (n >= first && n < first + page_users_)
                whole.users.push_back({name, user.since_ms, now_ms, user.ttl_ms, user.status});
            ++n;
        }
        if (n > first + page_users_) whole.cursor = std::to_string(first + page_users_);
        return whole;
    }

    void say(const std::string& user, State state, const char* reason, std::int64_t now_ms,
             std::optional<std::string> status, std::uint32_t ttl_ms) {
        const auto slot = slot_of(hash_of(user));
        Event event;
        event.user = user;
        event.state = state;
        event.reason = reason;
        event.at_ms = now_ms;
        event.since_ms = now_ms;
        event.status = std::move(status);
        event.ttl_ms = ttl_ms;
        event.slot = slot;
        event.epoch = epoch();
        event.seq = ++slots_[slot].seq;
        last_said_ = event;
        auto& run = said_[slot];
        if (run.events.empty()) {
            run.slot = slot;
            run.epoch = event.epoch;
            run.first_seq = event.seq;
        }
        run.events.push_back(std::move(event));
    }

    std::string id_;
    std::uint64_t boot_;
    std::uint64_t prev_boot_ = 0;
    std::size_t page_users_;
    std::uint64_t number_ = 0;
    bool beginning_ = false;
    Slots slots_;
    std::map<Slot, SlotEvents> said_;
    Event last_said_;
    std::map<std::uint64_t, Row> journal_;
};

// A map in which the trackers own, in turn, the slots of `users`, and somebody else all others: so
// a follower has few slots to ask for.
inline SlotMap map_of(const std::vector<std::string>& trackers,
                      const std::vector<std::string>& users) {
    SlotMap map;
    map.trackers = trackers;
    map.trackers.push_back("somebody else");
    map.owner.fill(static_cast<std::uint16_t>(trackers.size()));
    for (const auto& user : users) {
        const auto slot = slot_of(hash_of(user));
        map.owner[slot] = static_cast<std::uint16_t>(slot % trackers.size());
    }
    return map;
}

// A follower of one fake tracker, over a link without faults unless the test makes them.
struct OneTracker {
    explicit OneTracker(const std::vector<std::string>& users, FollowerOptions options_ = {},
                        std::size_t page_users = 1000)
        : tracker("t1", 1'000, page_users),
          options(std::move(options_)),
          map(map_of({"t1"}, users)) {
        options.trackers = {"t1"};
        follower.emplace(options, map);
    }

    void on_batch(const std::string& bytes, std::int64_t ms) {
        const auto heard = message_of_batch(0, "t1", bytes);
        refused += heard ? 0 : 1;
        if (heard) follower->on_batch(0, std::get<Batch>(heard->message), at(ms));
    }
    void on_tick(const std::string& bytes, std::int64_t ms) {
        const auto heard = message_of_tick(0, "t1", bytes);
        refused += heard ? 0 : 1;
        if (heard) follower->on_tick(0, std::get<Tick>(heard->message), at(ms));
    }
    void on_answer(const std::string& bytes, std::int64_t ms) {
        const auto heard = message_of_answer(0, bytes);
        refused += heard ? 0 : 1;
        if (heard) follower->on_answer(0, std::get<Answer>(heard->message), at(ms), WallOffset{});
    }
    // One turn: questions are asked and answered until none is left.
    std::vector<Event> turn(std::int64_t ms) {
        std::vector<Event> events;
        for (;;) {
            auto questions = questions_of_turn(ms, events);
            if (questions.empty() || !answering) break;
            for (const auto& question : questions)
                on_answer(tracker.answer(question.bytes, ms), ms);
        }
        return events;
    }
    std::vector<Question> questions_of_turn(std::int64_t ms, std::vector<Event>& events) {
        std::vector<Question> questions;
        std::vector<Change> changes;
        follower->end_turn(at(ms), WallOffset{}, changes, questions);
        for (const auto& change : changes) {
            gaps += change.event.user.empty() ? 1 : 0;
            if (change.told && !change.event.user.empty()) events.push_back(change.event);
        }
        asked += questions.size();
        return questions;
    }
    // Says what the tracker has to say, and a turn.
    std::vector<Event> hear(std::int64_t ms) {
        if (const auto batch = tracker.batch()) on_batch(*batch, ms);
        return turn(ms);
    }
    // The same, on a link that loses it.
    void lose() { (void)tracker.batch(); }
    std::vector<Event> tick(std::int64_t ms) {
        on_tick(tracker.tick(), ms);
        return turn(ms);
    }
    // Another follower, which knows what this one has to save.
    void restart_follower() {
        Follower next(options, map);
        follower->each_ledger([&](const Ledger& ledger) {
            std::vector<std::pair<std::string, Told>> users;
            ledger.each(
                [&](const std::string& user, const Told& told) { users.emplace_back(user, told); });
            next.restore(ledger.slot(), ledger.position(), std::move(users));
        });
        next.restore(0, follower->cursor(0), follower->open_slots(0));
        follower.emplace(std::move(next));
    }

    FakeTracker tracker;
    FollowerOptions options;
    SlotMap map;
    std::optional<Follower> follower;
    std::size_t asked = 0;
    std::size_t refused = 0;  // no message of the tracker
    std::size_t gaps = 0;     // notices
    bool answering = true;
};

// The questions of a comparison of all slots, not answered yet.
struct Comparing {
    explicit Comparing(OneTracker& w, std::int64_t ms) : world(w) {
        world.on_tick(world.tracker.tick(), ms);
        for (const auto& question : world.questions_of_turn(ms, events))
            answers.push_back(world.tracker.answer(question.bytes, ms));
    }
    void answer(std::int64_t ms) {
        for (const auto& answer : answers)
            world.on_answer(answer, ms);
    }
    // The question of one slot only.
    void answer_of(const std::string& user, std::int64_t ms) {
        for (const auto& answer : answers)
            if (std::get<SnapshotAnswer>(decode_answer(answer)->body).slot ==
                slot_of(hash_of(user)))
                world.on_answer(answer, ms);
    }
    OneTracker& world;
    std::vector<Event> events;
    std::vector<std::string> answers;
};

// In step; all of `users` online, and told.
inline OneTracker followed_by(const std::vector<std::string>& users, FollowerOptions options = {}) {
    OneTracker world(users, std::move(options));
    world.tick(0);
    for (const auto& user : users)
        world.tracker.online(user, 1);
    world.hear(1);
    return world;
}

inline const std::vector<std::string> kPair{"alice", "bob"};
inline OneTracker followed_pair(FollowerOptions options = {}) {
    return followed_by(kPair, std::move(options));
}

// A tick comes, and answers to what it makes the follower ask.
inline void answer_tick(OneTracker& world, std::int64_t ms) {
    std::vector<Event> events;
    world.on_tick(world.tracker.tick(), ms);
    for (const auto& question : world.questions_of_turn(ms, events))
        world.on_answer(world.tracker.answer(question.bytes, ms), ms);
}

// "+alice -bob" for what was handed out; a reconciled difference has a `~` behind it.
inline std::string brief(const std::vector<Event>& events) {
    std::string text;
    for (const auto& event : events) {
        if (!text.empty()) text += ' ';
        text += (event.state == State::online ? '+' : '-') + event.user;
        if (event.status) text += "=" + *event.status;
        if (event.reconciled) text += '~';
    }
    return text;
}

}  // namespace presence::testing
