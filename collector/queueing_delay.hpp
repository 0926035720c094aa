#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "common/bugs.hpp"
#include "common/clocks/offset_filter.hpp"
#include "common/time.hpp"

namespace presence::collector {

// How long a peer's messages were on the way, from the stamps of its clock.
//
// What is late comes out of a queue, which ends. Messages that are late for longer than kQueued,
// without one that is not, tell of a clock that stood still (the peer's machine was suspended) or
// was set back: then they are not late. Twice within a minute, and the clock is none (one that
// counts seconds, or stands still): nothing is late by it any more.
class QueueingDelay {
public:
    static constexpr Duration kQueued = 2s;
    // A clock that stood still for less is not noticed. Little, as what is taken for late by error
    // is over too early.
    static constexpr Duration kLate = 10ms;

    // How much longer than the quickest message within the last minute this one surely took.
    // `difference`: from its stamp to `received`. Times never go back.
    [[nodiscard]] Duration late_by(Instant received, Duration difference) {
        if (clock_wrong_) return Duration{0};
        const auto known = quickest_.value(received);
        quickest_.sample(received, judged(received, difference, known));
        return clock_wrong_ ? Duration{0}
                            : std::max(difference - *quickest_.value(received), Duration{0});
    }
    [[nodiscard]] bool clock_wrong() const { return clock_wrong_; }
    void reset() { *this = {}; }

private:
    [[nodiscard]] Duration judged(Instant now, Duration difference, std::optional<Duration> known) {
        if (!known || difference <= *known + kLate || bug(Bug::stood_still_believed)) {
            late_.reset();
            return difference;
        }
        if (!late_) late_ = {now, difference};
        late_->least = std::min(late_->least, difference);
        if (now - late_->since < kQueued) return difference;
        quickest_.reset();
        const auto before = std::exchange(disbelieved_at_, now);
        clock_wrong_ = before && now - *before < OffsetFilter::kWindow;
        const auto least = std::exchange(late_, std::nullopt)->least;
        // It stood still within these two seconds: they begin with this one, not with the next.
        if (difference > least + kLate) late_ = {now, difference};
        return least;
    }

    OffsetFilter quickest_;
    // Of the messages since the last that was not late.
    struct Late {
        Instant since;
        Duration least;
    };
    std::optional<Late> late_;
    std::optional<Instant> disbelieved_at_;
    bool clock_wrong_ = false;
};

}  // namespace presence::collector
