#include "tracker/evidence/event_time.hpp"

#include <algorithm>
#include <utility>

#include "common/bugs.hpp"

namespace presence::tracker {

bool EventTime::lift(Instant now) {
    lifted_until_ = now + ttl_;
    if (left(now) <= Duration{0}) {
        refused_until_ = lifted_until_;
        return false;
    }
    holds_.add(clock_.of_event(lagging_since(now)), clock_.of_event(lifted_until_));
    lifted_to_ = now;
    return true;
}

std::optional<Instant> EventTime::turn(Instant now, std::optional<Instant> evidence, bool missing) {
    const auto turned = std::exchange(turned_, now);
    if (evidence) {
        event_time_ = any_ ? std::max(event_time_, *evidence) : *evidence;
        any_ = true;
    }
    if (now - turned > kStall) settled_at_ = now + kSettle;
    if (!missing) {
        since_.reset();
        used_up_ = false;
    } else if (now >= settled_at_) {
        if (!since_) since_ = turned;
        const auto least = bug(Bug::freeze_short) ? max_ * 9 / 10 : Duration{0};
        used_up_ = used_up_ || left(turned) <= least;
        if (used_up_) {
            event_time_ = std::min(std::max(event_time_, lifted_to_) + (now - turned), now);
            any_ = true;
        } else {
            holds_.add(clock_.of_event(lagging_since(turned)), clock_.of_event(now));
        }
    }
    return any_ ? std::optional(event_time_) : std::nullopt;
}

// More than that was counted as it passed, or is not to count, as we were stopped.
Instant EventTime::lagging_since(Instant now) const {
    return any_ ? std::clamp(event_time_, now - kLag, now) : now;
}

Duration EventTime::spent(Instant now) const {
    return std::chrono::milliseconds{holds_.spent(clock_.of_event(now))};
}

Duration EventTime::left(Instant now) const {
    return std::max(max_ - spent(now), Duration{0});
}

}  // namespace presence::tracker
