#include "tracker/evidence/event_time.hpp"

#include <algorithm>
#include <utility>

#include "common/bugs.hpp"

namespace presence::tracker {

EventTime::EventTime(Duration max, Instant now)
    : max_(bug(Bug::freeze_short) ? max / 4 : max),
      event_time_(now),
      least_(now - max_),
      turned_(now) {}

std::optional<Instant> EventTime::turn(Instant now, std::optional<Instant> evidence, Held held) {
    const auto turned = std::exchange(turned_, now);
    if (evidence) {
        event_time_ = any_ ? std::max(event_time_, *evidence) : *evidence;
        any_ = true;
    }
    if (now - turned > kStall || held == Held::by_us) settled_at_ = now + kSettle;
    stopped_ = now < settled_at_ && held != Held::no ? now - turned : Duration{0};
    least_ = std::max(least_, event_time_ - max_);
    if (held == Held::no) least_ = now - max_;
    if (held != Held::for_evidence) {
        since_.reset();
    } else if (stopped_ == Duration{0}) {
        if (!since_) since_ = turned;
        least_ += now - turned;
    }
    if (event_time_ < least_ && !bug(Bug::held_for_ever)) {
        event_time_ = least_;
        any_ = true;
    }
    used_up_ = any_ && event_time_ > evidence.value_or(Instant::min());
    return any_ ? std::optional(event_time_) : std::nullopt;
}

Duration EventTime::left() const {
    return std::max(event_time_ - least_, Duration{0});
}

}  // namespace presence::tracker
