#pragma once

#include <optional>

#include "common/time.hpp"
#include "tracker/evidence/holds.hpp"

namespace presence::tracker {

// Bounds for how long event time stands still because evidence is missing: `max` within an hour.
// Beyond, event time runs on from where it stood, as fast as our clock and so as far behind it as
// it was held: until evidence is back, however long that takes, whoever is not heard is told
// offline.
//
// A turn that came late (we were stopped ourselves) counts as no hold, nor does the second after
// it: what came meanwhile still waits in our sockets.
//
// Pure.
class Freeze {
public:
    static constexpr Duration kLag = 2s;     // up to so much evidence is not missing
    static constexpr Duration kStall = 2s;   // longest time between two turns that is none
    static constexpr Duration kSettle = 1s;  // after one

    Freeze(Duration max, Instant now) : max_(max), clock_{now}, event_time_(now), turned_(now) {}

    // Once a turn. `evidence`: as far as it reaches. `missing`: event time is held back for want of
    // it. Returns event time.
    std::optional<Instant> turn(Instant now, std::optional<Instant> evidence, bool missing);

    // Since when event time is held; nothing while it is not.
    [[nodiscard]] std::optional<Instant> since() const { return since_; }
    // It runs on without evidence.
    [[nodiscard]] bool used_up() const { return used_up_; }
    // Of the hour before `now`.
    [[nodiscard]] Duration spent(Instant now) const;
    // How long it may be held from `now` on.
    [[nodiscard]] Duration left(Instant now) const;

private:
    Duration max_;
    TickClock clock_;
    Holds holds_;
    Instant event_time_;  // our start before there is any
    bool any_ = false;    // there is an event time
    Instant turned_;
    Instant settled_at_{};
    std::optional<Instant> since_;
    bool used_up_ = false;
};

}  // namespace presence::tracker
