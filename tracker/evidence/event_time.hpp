#pragma once

#include <optional>

#include "common/time.hpp"
#include "tracker/evidence/holds.hpp"

namespace presence::tracker {

// Event time, and the one bound for how late faults may make an offline.
//
// Event time follows the evidence, and stands still while that is missing. A lift, when what was
// read before now may be lost, moves every deadline to its ttl from now.
//
// The bound: `max` within an hour. What counts is each moment of the hour at which event time stood
// or deadlines lay lifted, once where the two overlap. Beyond, no deadline moves, and event time
// runs on as fast as our clock: from where it stood, or from the newest lift, as nothing is due
// before. Who is not heard is told offline, and answers must say `stale` (of events: see Doubts).
// So an offline comes no later than `max`, a ttl, and kLag after it is due, however many faults
// there are, but for our own stops, and if its ttl is not longer than what a lift counts for.
//
// A turn that came late (we were stopped ourselves) counts as no hold, nor does the second after
// it: what came meanwhile still waits in our sockets.
//
// Pure. Times never go back.
class EventTime {
public:
    static constexpr Duration kLag = 2s;     // up to so much evidence is not missing
    static constexpr Duration kStall = 2s;   // longest time between two turns that is none
    static constexpr Duration kSettle = 1s;  // after one

    // Each lift lasts for a `ttl`.
    EventTime(Duration max, Duration ttl, Instant now)
        : max_(max), ttl_(ttl), clock_{now}, event_time_(now), turned_(now) {}

    // Evidence may be missing for the time before now. True: every deadline is to be lifted.
    [[nodiscard]] bool lift(Instant now);
    // Once a turn, after a lift. `evidence`: as far as it reaches. `missing`: event time is held
    // back for want of it. Returns event time.
    std::optional<Instant> turn(Instant now, std::optional<Instant> evidence, bool missing);

    // Since when event time is held; nothing while it is not.
    [[nodiscard]] std::optional<Instant> since() const { return since_; }
    // It runs on without evidence.
    [[nodiscard]] bool used_up() const { return used_up_; }

    // Deadlines stand lifted, or, if `refused`, ought to, from then until then.
    [[nodiscard]] bool lifted(Instant now) const { return now < lifted_until_; }
    [[nodiscard]] Instant lifted_since() const { return lifted_until_ - ttl_; }
    [[nodiscard]] Instant lifted_until() const { return lifted_until_; }
    [[nodiscard]] bool refused(Instant now) const { return now < refused_until_; }

    // Of the hour before `now`.
    [[nodiscard]] Duration spent(Instant now) const;
    [[nodiscard]] Duration left(Instant now) const;

private:
    [[nodiscard]] Instant lagging_since(Instant now) const;

    Duration max_, ttl_;
    TickClock clock_;
    Holds holds_;
    Instant event_time_;  // our start before there is any
    bool any_ = false;    // there is an event time
    Instant turned_;
    Instant settled_at_{};
    std::optional<Instant> since_;
    bool used_up_ = false;
    Instant lifted_to_{};  // every deadline lies a ttl behind
    Instant lifted_until_{};
    Instant refused_until_{};
};

}  // namespace presence::tracker
