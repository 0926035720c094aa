#pragma once

#include "common/time.hpp"
#include "tracker/evidence/holds.hpp"

namespace presence::tracker {

// Bounds how long lifts may keep everybody online: `max` within an hour. Each counts for a `ttl`,
// the time that two share once, so that a collector which crashes again and again cannot keep up
// users who are gone. Beyond, no deadline moves: whoever's heartbeats were swallowed may be told
// offline, and for a ttl answers must say so (of events: see Doubts).
//
// Pure.
class Lifts {
public:
    Lifts(Duration max, Duration ttl, Instant now) : max_(max), ttl_(ttl), clock_{now} {}

    // Evidence may be missing for the time before now. True: every deadline is to be lifted.
    [[nodiscard]] bool take(Instant now);

    // Deadlines stand lifted, or, if `refused`, ought to, until then.
    [[nodiscard]] bool lasts(Instant now) const { return now < until_; }
    [[nodiscard]] Instant since() const { return until_ - ttl_; }
    [[nodiscard]] Instant until() const { return until_; }
    [[nodiscard]] bool refused(Instant now) const { return now < refused_until_; }

private:
    Duration max_, ttl_;
    TickClock clock_;
    Holds holds_;
    Instant until_{};
    Instant refused_until_{};
};

}  // namespace presence::tracker
