#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/limits.hpp"
#include "common/time.hpp"
#include "embed/online_manager.hpp"
#include "embed/transitions.hpp"
#include "tracker/roster/roster.hpp"

namespace presence::embed {

// Time that has passed. Of signed numbers none can be made, so that time cannot move back.
struct Passed {
    std::uint64_t us = 0;
};

// Who is online by the rules of the library form: a user is online from a heartbeat until exactly
// its ttl has passed, or until they leave.
//
// Pure, with a clock that only moves by pass(). A heartbeat waits for the next pass() and counts
// from the time then, rounded up to a whole millisecond; what became due until then is found after
// the heartbeats that waited. So what happens is a function of the calls, and it is queued in the
// order in which it happened: deadlines in their order, those of one millisecond in none.
//
// Waiting is for speed: heartbeats are applied by the group, which hides the memory's latency, and
// one look at the clock serves them all.
class ManagerCore {
public:
    struct Options {
        std::chrono::milliseconds timeout{};
        std::uint64_t users_max = 0;
        // How much the reader of a real clock may have cut off: added to heartbeats.
        Duration grain{0};
    };
    // Throws std::invalid_argument if the timeout is out of bounds.
    explicit ManagerCore(const Options& options);

    // Applies the heartbeats that wait, and ends whoever is due.
    void pass(Passed time);
    // Applies the heartbeats that wait; nobody becomes due. Everyone who is online then has their
    // whole ttl from now on.
    void renew_all(Passed time);
    [[nodiscard]] Instant now() const { return now_; }

    // Requires: not full().
    Seen seen(std::string_view id, const Beat& how);
    [[nodiscard]] std::size_t waiting() const { return waiting_count_; }
    // No more can wait: pass().
    [[nodiscard]] bool full() const { return waiting_count_ == kGroup; }

    // The rest does not know of heartbeats that wait. What changes something requires that none do.

    // Returns whether there was such a session.
    bool leave(std::string_view id, const Leave& how);
    void leave_all();
    // Queues an offline for a user who is not known here.
    void tell_offline(std::string_view id) { untold_.push(false, id); }

    // What happened and was not popped before, oldest first.
    [[nodiscard]] std::optional<Transition> pop() { return untold_.pop(); }
    [[nodiscard]] std::size_t untold() const { return untold_.size(); }
    // Nobody becomes due before that. Nothing: nobody is online.
    [[nodiscard]] std::optional<Instant> next_due() const;

    [[nodiscard]] bool is_online(std::string_view id) const;
    [[nodiscard]] std::size_t online_count() const { return roster_.users(); }
    [[nodiscard]] LeftOut left_out() const;
    // Replaces `ids` by the `share`th part of who is online; 0 <= share < kShares.
    static constexpr std::uint32_t kShares = kSlots;
    void online_ids(std::uint32_t share, std::vector<std::string>& ids) const;

    void check() const { roster_.check(); }

    static constexpr std::size_t kGroup = 64;

private:
    static constexpr std::size_t kTextBytes = kUserBytesMax + kNameBytesMax;
    static constexpr Instant kNever = Instant::max();

    [[nodiscard]] std::string_view keep(std::string_view text);
    void apply();
    void expire();
    void queue_events();

    std::uint32_t timeout_ms_;
    Duration grain_;
    tracker::Roster roster_;
    Instant now_{};
    Instant next_due_ = kNever;
    std::array<tracker::Beat, kGroup> waiting_{};
    std::size_t waiting_count_ = 0;
    std::array<char, kGroup * kTextBytes> texts_;  // of those that wait, one after the other
    std::size_t texts_used_ = 0;
    std::vector<Event> events_;
    Transitions untold_;
};

}  // namespace presence::embed
