#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "tracker/evidence/tick.hpp"

namespace presence::tracker {

// At most so many a second, a tenth of a second's at once: a token bucket in event time. Who finds
// no token is told when to come again, one after another as fast as tokens come, and so comes about
// twice; nobody is remembered for it.
//
// Pure. Time never goes back.
class RateLimit {
public:
    explicit RateLimit(std::uint64_t per_second)
        : interval_(kSecond / std::max<std::int64_t>(static_cast<std::int64_t>(per_second), 1)),
          burst_(std::max<std::int64_t>(kSecond / 10 - interval_, 0)) {}

    // Whether one may pass now.
    [[nodiscard]] bool take(Tick now) {
        const auto at = now * kMillisecond;
        if (at < next_ - burst_) return false;
        next_ = std::max(next_, at) + interval_;
        return true;
    }
    // For one who may not: the next turn that is free.
    [[nodiscard]] Tick turn(Tick now) {
        turn_ = std::max({turn_, next_, now * kMillisecond}) + interval_;
        return (turn_ + kMillisecond - 1) / kMillisecond;
    }

private:
    static constexpr std::int64_t kSecond = 1'000'000'000;
    static constexpr std::int64_t kMillisecond = 1'000'000;

    std::int64_t interval_;  // all in ns
    std::int64_t burst_;
    std::int64_t next_ = std::numeric_limits<std::int64_t>::min() / 2;
    std::int64_t turn_ = std::numeric_limits<std::int64_t>::min() / 2;
};

}  // namespace presence::tracker
