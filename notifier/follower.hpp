#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/batch.hpp"
#include "common/event.hpp"
#include "common/query.hpp"
#include "common/time.hpp"

namespace presence::notifier {

struct FollowerOptions {
    std::vector<std::string> trackers;  // by index in all calls below
    Duration answer_timeout = 2s;       // a question without an answer is asked again
    std::size_t questions_max = 16;     // under way at once per tracker
    // Users who left while a snapshot that may still list them was under way: kept until it is
    // compared; beyond, that slot is asked again.
    std::uint64_t departures_max = 1'000'000;
    std::uint64_t users_max = 100'000'000;  // beyond, users are not followed, and counted
};

struct Question {
    std::size_t tracker = 0;
    std::string bytes;
};

// Follows the batches of all trackers and knows, per slot, who is online. Subscribe first, then
// start: it asks for a snapshot of each slot, and whoever is online then is handed out as a
// difference (`reconcile`): this follower has told nobody before. From then on each transition is
// handed out once, in order per user. A gap (in batch numbers, in a slot's seq, a new epoch or run,
// or a last batch told only by a tick) leads to snapshots of the slots concerned and a comparison
// with what it knows; the differences are handed out as `reconcile` events.
//
// A user who is missing in a snapshot is told offline only if the tracker's evidence reaches back
// further than the user's ttl (`covers_ms`): unknown is not offline. Until then that slot is asked
// again.
//
// Pure. Times never go back.
class Follower {
public:
    Follower(FollowerOptions options, SlotMap map, Instant now);
    ~Follower();
    Follower(Follower&&) noexcept;

    void on_batch(std::size_t tracker, std::string_view bytes, Instant now);
    void on_tick(std::size_t tracker, std::string_view bytes, Instant now);
    void on_answer(std::size_t tracker, std::string_view bytes, Instant now);

    // Appends what happened since the last call, in order per user, and the questions to ask.
    // `wall` dates reconciled events.
    void end_turn(Instant now, WallOffset wall, std::vector<Event>& events,
                  std::vector<Question>& questions);
    [[nodiscard]] Instant next_wakeup() const;

    // Everyone known to be online, as the event that last told so.
    void each_online(const std::function<void(const Event&)>& fn) const;
    // Newest known event of this user, or null if not known to be online.
    [[nodiscard]] const Event* find(std::string_view user) const;

    // Every tracker's stream is heard, and every slot compared with nothing left to ask.
    [[nodiscard]] bool in_step() const;

    struct Stats {
        std::uint64_t batches = 0;
        std::uint64_t events = 0;      // handed out
        std::uint64_t duplicates = 0;  // told nothing new
        std::uint64_t gaps = 0, snapshots = 0, reconciled = 0;
        std::uint64_t timeouts = 0;     // questions without an answer
        std::uint64_t errors = 0;       // questions answered with an error
        std::uint64_t refused = 0;      // malformed, or of a slot that is not the tracker's
        std::uint64_t out_of_date = 0;  // of an earlier run or owner
        std::uint64_t users_limit = 0;  // not followed: users_max
        std::uint64_t online = 0;
    };
    [[nodiscard]] Stats stats() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace presence::notifier
