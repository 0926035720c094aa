#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/batch.hpp"
#include "common/query.hpp"
#include "common/slots.hpp"
#include "common/time.hpp"
#include "notifier/follower.hpp"

namespace presence::testing {

inline constexpr std::uint32_t kTtlMs = 2'000;

inline Instant at(std::int64_t ms) {
    return Instant{Duration{ms * 1000}};
}

// A tracker as a follower sees it, from plain maps: it is told transitions, and says them in
// batches, ticks and snapshots. Its evidence reaches back to `covered_since_ms`.
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
        auto& slot = slots_[slot_of(hash_of(user))];
        slot.users[user] = {now_ms, ttl_ms, status};
        say(user, State::online, "heartbeat", now_ms, std::move(status), ttl_ms);
    }
    void offline(const std::string& user, std::int64_t now_ms) {
        slots_[slot_of(hash_of(user))].users.erase(user);
        say(user, State::offline, "timeout", now_ms, {}, kTtlMs);
    }
    [[nodiscard]] bool is_online(const std::string& user) {
        return slots_[slot_of(hash_of(user))].users.contains(user);
    }

    // What was said since the last batch; nothing if nothing was.
    std::optional<std::string> batch() {
        if (said_.empty()) return std::nullopt;
        Batch batch{id_, boot_, ++number_, 0, {}};
        for (auto& [slot, run] : said_)
            batch.slots.push_back(std::move(run));
        said_.clear();
        return encode_batch(batch);
    }
    [[nodiscard]] std::string tick() const { return encode_tick({id_, boot_, number_}); }

    // Requires: everything said is in a batch.
    [[nodiscard]] std::string answer(const std::string& question, std::int64_t now_ms) {
        const auto query = std::get<Query>(decode_query(question));
        const auto& asked = std::get<SnapshotQuery>(query.op);
        Answer answer;
        answer.rid = query.rid;
        SnapshotAnswer whole;
        whole.slot = asked.slot;
        whole.epoch = epoch();
        whole.seq = slots_[asked.slot].seq;
        whole.boot = boot_;
        whole.batch = number_;
        whole.covers_ms =
            static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_ms - covered_since_ms));
        std::size_t n = 0;
        const std::size_t first = asked.cursor.empty() ? 0 : std::stoul(asked.cursor);
        for (const auto& [name, user] : slots_[asked.slot].users) {
            if (n >= first && n < first + page_users_)
                whole.users.push_back({name, user.since_ms, now_ms, user.ttl_ms, user.status});
            ++n;
        }
        if (n > first + page_users_) whole.cursor = std::to_string(first + page_users_);
        answer.body = std::move(whole);
        return encode_answer(answer);
    }

    // Another run, which knows nobody.
    void restart(std::uint64_t boot, std::int64_t now_ms) {
        boot_ = boot;
        number_ = 0;
        slots_.clear();
        said_.clear();
        covered_since_ms = now_ms;
    }

    [[nodiscard]] Epoch epoch() const { return boot_ * 1024; }
    [[nodiscard]] std::uint64_t batches() const { return number_; }
    std::int64_t covered_since_ms = -1'000'000;

private:
    struct SlotState {
        std::uint64_t seq = 0;
        std::map<std::string, User> users;
    };

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
    std::size_t page_users_;
    std::uint64_t number_ = 0;
    std::map<Slot, SlotState> slots_;
    std::map<Slot, SlotEvents> said_;
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
    explicit OneTracker(const std::vector<std::string>& users,
                        notifier::FollowerOptions options = {}, std::size_t page_users = 1000)
        : tracker("t1", 1'000, page_users),
          follower((options.trackers = {"t1"}, options), map_of({"t1"}, users), at(0)) {}

    // One turn: questions are asked and answered until none is left.
    std::vector<Event> turn(std::int64_t ms) {
        now_ms = ms;
        std::vector<Event> events;
        for (;;) {
            std::vector<notifier::Question> questions;
            follower.end_turn(at(ms), WallOffset{}, events, questions);
            asked += questions.size();
            if (questions.empty() || !answering) break;
            for (const auto& question : questions)
                follower.on_answer(0, tracker.answer(question.bytes, ms), at(ms));
        }
        return events;
    }
    // Says what the tracker has to say, and a turn.
    std::vector<Event> hear(std::int64_t ms) {
        if (const auto batch = tracker.batch()) follower.on_batch(0, *batch, at(ms));
        return turn(ms);
    }
    std::vector<Event> tick(std::int64_t ms) {
        follower.on_tick(0, tracker.tick(), at(ms));
        return turn(ms);
    }

    FakeTracker tracker;
    notifier::Follower follower;
    std::int64_t now_ms = 0;
    std::size_t asked = 0;
    bool answering = true;
};

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
