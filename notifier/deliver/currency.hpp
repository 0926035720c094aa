#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "common/time.hpp"
#include "common/wire/event.hpp"

namespace presence::notifier {

// Until when a sink knows all that happened, by when each tracker was heard: a tracker says
// something each second, if only that nothing happened, and whether it would know.
//
// Pure. Times never go back. Requires: one tracker at least.
class Currency {
public:
    // Of a tracker that says nothing for so long nobody knows how things are.
    static constexpr Duration kSilenceMax = 3s;

    explicit Currency(std::size_t trackers)
        : heard_now_(trackers),
          heard_at_(trackers, Instant::min()),
          ticked_(trackers, Freshness::live) {}

    // It counts as heard at the next turn.
    void on_heard(std::size_t tracker) { heard_now_[tracker] = true; }
    void on_tick(std::size_t tracker, Freshness freshness) { ticked_[tracker] = freshness; }
    // Before what was heard is taken in. `in_step`: the follower is.
    void turn(Instant now, bool in_step) {
        for (std::size_t i = 0; i < heard_at_.size(); ++i)
            if (heard_now_[i]) heard_at_[i] = now;
        heard_now_.assign(heard_now_.size(), false);
        const bool heard = heard_all() && now - oldest() < kSilenceMax &&
                           std::ranges::count(ticked_, Freshness::live) == std::ssize(ticked_);
        freshness_ = in_step && heard ? Freshness::live
                     : as_of_ms_ == 0 ? Freshness::warming
                                      : Freshness::stale;
    }
    // All that was heard is: `told`, or what came of it is being told.
    void on_taken_in(WallOffset wall, bool told) {
        if (freshness_ == Freshness::live)
            (told ? as_of_ms_ : next_ms_) = millis(wall.at(oldest()));
    }
    // What came of it is told.
    void on_told() { as_of_ms_ = std::max(as_of_ms_, next_ms_); }

    [[nodiscard]] bool heard_all() const {
        for (std::size_t i = 0; i < heard_at_.size(); ++i)
            if (!heard_now_[i] && heard_at_[i] == Instant::min()) return false;
        return true;
    }
    // A tracker is heard, and would know.
    [[nodiscard]] bool is_live(std::size_t tracker, Instant now) const {
        return heard_at_[tracker] != Instant::min() && now - heard_at_[tracker] < kSilenceMax &&
               ticked_[tracker] == Freshness::live;
    }
    [[nodiscard]] std::int64_t as_of_ms() const { return as_of_ms_; }  // Unix; 0: never
    // `live`, or by what it is not: it never knew all (`warming`), or no longer does (`stale`).
    [[nodiscard]] Freshness freshness() const { return freshness_; }

private:
    [[nodiscard]] Instant oldest() const {
        return *std::min_element(heard_at_.begin(), heard_at_.end());
    }

    std::vector<bool> heard_now_;    // since the last turn
    std::vector<Instant> heard_at_;  // by tracker
    std::vector<Freshness> ticked_;
    std::int64_t as_of_ms_ = 0;
    std::int64_t next_ms_ = 0;
    Freshness freshness_ = Freshness::warming;
};

}  // namespace presence::notifier
