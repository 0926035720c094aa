#pragma once

#include <optional>

#include "common/time.hpp"

namespace presence::tracker {

// Event time: up to when all evidence is here.
//
// It follows the evidence, and stands still while that is missing, but is never more than `max`
// behind our clock. Beyond, it runs on without evidence (`used_up`): who is not heard is told
// offline by so much late, and that must say `stale`.
//
// A turn that came late (we were stopped ourselves) is no time in which evidence was missing, nor
// is the second after it: what came meanwhile still waits in our sockets.
//
// Pure. Times never go back.
class EventTime {
public:
    static constexpr Duration kLag = 2s;     // up to so much evidence is not missing
    static constexpr Duration kStall = 2s;   // longest time between two turns that is none
    static constexpr Duration kSettle = 1s;  // after one

    EventTime(Duration max, Instant now);

    // Why event time does not follow our clock.
    enum class Held {
        no,
        for_evidence,
        by_us,  // we cannot take any
    };
    // Once a turn. `evidence`: as far as it reaches. Returns event time.
    std::optional<Instant> turn(Instant now, std::optional<Instant> evidence, Held held);

    // Since when event time is held for evidence; nothing while it is not.
    [[nodiscard]] std::optional<Instant> since() const { return since_; }
    // It runs on without evidence.
    [[nodiscard]] bool used_up() const { return used_up_; }
    // How long it may still stand.
    [[nodiscard]] Duration left() const;
    // Of the time until the last turn what does not count, as we took no evidence.
    [[nodiscard]] Duration stopped() const { return stopped_; }

private:
    Duration max_;
    Instant event_time_;  // our start before there is any
    bool any_ = false;    // there is an event time
    Instant least_;       // not behind this
    Instant turned_;
    Instant settled_at_{};
    Duration stopped_{};
    std::optional<Instant> since_;
    bool used_up_ = false;
};

}  // namespace presence::tracker
