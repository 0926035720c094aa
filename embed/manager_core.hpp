#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "embed/online_manager.hpp"
#include "embed/transitions.hpp"
#include "tracker/roster.hpp"

namespace presence::embed {

// Time that has passed. Of signed numbers none can be made, so that time cannot move back.
struct Passed {
    std::uint64_t us = 0;
};

// Who is online by the rules of the library form: a user is online from a heartbeat until exactly
// its ttl has passed, or until they leave. A heartbeat counts from the next whole millisecond on.
//
// Pure, with a clock that only moves when told. What happens is a function of the calls and the
// core's time at each, not of how often it is asked: whatever became due before a call is queued
// before what the call causes, in the order of the deadlines. Users due in the same millisecond
// come in no particular order.
//
// Heartbeats are gathered and applied by the group, which hides the memory's latency: at a million
// users that is the difference between 110 and 480 ns each. Nobody can see it: whatever asks or
// ends something applies them first.
class ManagerCore {
public:
    struct Options {
        std::chrono::milliseconds timeout{};
        std::uint64_t users_max = 0;
        // How much the reader of the real clock may have cut off: added to heartbeats.
        Duration grain{0};
    };
    // Throws std::invalid_argument if the timeout is out of bounds.
    explicit ManagerCore(const Options& options);

    void pass(Passed time);
    [[nodiscard]] Instant now() const { return now_; }

    Seen seen(std::string_view id, const Beat& how);
    // Ends one session, or all of them if none is given. Returns whether there was one.
    bool leave(std::string_view id, std::optional<std::string_view> session);
    void leave_all();
    // Time passes without anything becoming due, and everyone who is online then has their whole
    // ttl from now on.
    void renew_all(Passed time);
    // Queues an offline for a user who is not known here.
    void tell_offline(std::string_view id) { untold_.push(false, id); }

    // What happened and was not popped before, oldest first.
    [[nodiscard]] std::optional<Transition> pop();
    // As far as it is known: heartbeats that still wait to be applied may bring more.
    [[nodiscard]] std::size_t untold() const { return untold_.size(); }
    [[nodiscard]] bool heartbeats_wait() const { return !waiting_.empty(); }
    // Applies the heartbeats that wait.
    void apply();
    // Nothing becomes due before that. Nothing: nobody is online.
    [[nodiscard]] std::optional<Instant> next_due() const;

    [[nodiscard]] bool is_online(std::string_view id);
    [[nodiscard]] std::size_t online_count();
    [[nodiscard]] LeftOut left_out();
    // Replaces `ids` by the `share`th part of who is online; 0 <= share < kShares.
    static constexpr std::uint32_t kShares = kSlots;
    void online_ids(std::uint32_t share, std::vector<std::string>& ids);

    void check() const { roster_.check(); }

private:
    static constexpr std::size_t kGroup = 64;
    static constexpr std::size_t kTextBytes = 192;  // the longest id and session
    static constexpr Instant kNever = Instant::max();

    void expire();
    void queue_events();

    std::uint32_t timeout_ms_;
    Duration grain_;
    tracker::Roster roster_;
    Instant now_{};
    Instant next_due_ = kNever;
    std::vector<tracker::Beat> waiting_;
    std::vector<char> texts_;  // kTextBytes for each that waits
    std::vector<Event> events_;
    Transitions untold_;
};

}  // namespace presence::embed
