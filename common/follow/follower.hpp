#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/follow/counters.hpp"
#include "common/follow/ledger.hpp"
#include "common/time.hpp"
#include "common/wire/batch.hpp"
#include "common/wire/event.hpp"
#include "common/wire/query.hpp"

namespace presence {

struct FollowerOptions {
    std::vector<std::string> trackers;  // by index in all calls below
    Duration answer_timeout = 2s;       // a question without an answer is asked again
    std::size_t questions_max = 16;     // under way at once per tracker
    std::uint64_t first_rid = 1;        // of the questions
    // Events that wait for the comparison of their slot, and as many for a replay; beyond, they are
    // replayed after it.
    std::size_t waiting_max = 1'000'000;
    std::uint64_t users_max = 100'000'000;  // beyond, users are not followed, and counted
    std::string list{};                     // by which it goes; the follower's own
    std::string user_prefix{};              // others are none of its affair
};

// A tracker's batch, and the run which said it. Boot 0: none.
struct Cursor {
    std::uint64_t boot = 0;
    std::uint64_t batch = 0;
    friend bool operator==(const Cursor&, const Cursor&) = default;
};
[[nodiscard]] inline Cursor cursor_of(const Batch& batch) {
    return {batch.boot, batch.number};
}

struct Question {
    std::size_t tracker = 0;
    std::string bytes;
};

// Follows the batches of all trackers and knows, per slot, who was told to be online. Each
// transition is handed out once, in order per user. What a batch that did not come had, is replayed
// from the tracker's journal. Where that does not reach back, or belongs to other batches than
// those that came, and at the first start, it asks for a snapshot of each slot and hands out the
// differences, as `reconcile` events.
//
// A user who is missing in a snapshot is told offline only if the tracker's evidence reaches back
// further than the user's ttl (`covers_ms`): unknown is not offline. Until it does, it is asked.
//
// Pure. Times never go back. Requires: what the trackers publish is subscribed to.
class Follower {
public:
    Follower(FollowerOptions options, SlotMap map);
    ~Follower();
    Follower(Follower&&) noexcept;

    void on_batch(std::size_t tracker, const Batch& batch, Instant now);
    void on_tick(std::size_t tracker, const Tick& tick, Instant now);
    void on_answer(std::size_t tracker, const Answer& answer, Instant now, WallOffset wall);

    // Appends what happened since the last call, in order per user, and the questions to ask.
    // `wall` dates reconciled events.
    void end_turn(Instant now, WallOffset wall, std::vector<Change>& changes,
                  std::vector<Question>& questions);
    [[nodiscard]] Instant next_wakeup() const;

    // The state that this user was told to have, as a `reconcile` event: since when, if online.
    [[nodiscard]] Event state_of(const std::string& user, std::int64_t now_ms) const;
    // Null if not told to be online.
    [[nodiscard]] const Told* find(std::string_view user) const;

    // Every tracker's stream is heard, and every slot compared with nothing left to ask.
    [[nodiscard]] bool in_step() const;
    [[nodiscard]] bool in_step(std::size_t tracker) const;  // the same of one
    // More is asked for, and about to come.
    [[nodiscard]] bool catching_up() const;

    // Where to go on after a restart, with the ledgers as they are now, and the slots that are to
    // be compared then: those that are not yet, or with users in doubt.
    [[nodiscard]] Cursor cursor(std::size_t tracker) const;
    [[nodiscard]] std::vector<Slot> open_slots(std::size_t tracker) const;
    [[nodiscard]] bool settled(std::size_t tracker) const;  // there are none
    void each_ledger(const std::function<void(const Ledger&)>& fn) const;
    [[nodiscard]] const Ledger* ledger(Slot slot) const;  // null: nobody's
    // Requires: before all else, ledgers first. A slot that is nobody's is forgotten.
    void restore(Slot slot, Position position, std::vector<std::pair<std::string, Told>> users);
    void restore(std::size_t tracker, Cursor cursor, const std::vector<Slot>& open_slots);
    void redo(const Event& event);

    [[nodiscard]] FollowCounters counters() const;
    [[nodiscard]] std::uint64_t online() const;
    [[nodiscard]] const std::string& user_prefix() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace presence
