#pragma once

#include <cstdint>
#include <utility>

#include "common/time.hpp"

namespace presence {

// Lets something happen once an interval at most: a line of the log, or a look. The first is let
// through at once.
//
// Pure. Times never go back.
class Throttle {
public:
    explicit Throttle(Duration interval) : interval_(interval) {}

    // Whether it may happen now; if so, it has. What may not is counted.
    [[nodiscard]] bool take(Instant now) {
        if (!due(now)) {
            ++left_out_;
            return false;
        }
        spend(now);
        return true;
    }
    // The same in two steps, for who finds out in between whether there is anything.
    [[nodiscard]] bool due(Instant now) const { return now >= next_; }
    void spend(Instant now) { next_ = now + interval_; }

    // How often take() said no since the last call.
    [[nodiscard]] std::uint64_t take_left_out() { return std::exchange(left_out_, 0); }
    // When it may happen again, at the earliest.
    [[nodiscard]] Instant next() const { return next_; }
    // As at the start. True if anything was let through since then.
    bool reset() { return std::exchange(next_, Instant{}) != Instant{}; }

private:
    Duration interval_;
    Instant next_{};
    std::uint64_t left_out_ = 0;
};

}  // namespace presence
