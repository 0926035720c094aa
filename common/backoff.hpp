#pragma once

#include <algorithm>
#include <cstdint>

#include "common/time.hpp"

namespace presence::notifier {

// Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015): the n-th
// pause in a row is uniform in [0, min(max, first * 2^n)), so that those who failed together do not
// come back together. Pure: the same seed gives the same pauses.
class Backoff {
public:
    Backoff(Duration first, Duration max, std::uint64_t seed)
        : first_(first), max_(max), state_(seed) {}

    [[nodiscard]] Duration next() {
        const auto ceiling = std::min(max_, first_ * (std::int64_t{1} << failures_));
        if (failures_ < kDoublingsMax) ++failures_;
        const auto range = static_cast<std::uint64_t>(std::max<std::int64_t>(ceiling.count(), 1));
        return Duration{static_cast<std::int64_t>(random() % range)};
    }
    void reset() { failures_ = 0; }

private:
    static constexpr int kDoublingsMax = 20;

    // splitmix64 (Steele, Lea and Flood, 2014).
    std::uint64_t random() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    Duration first_;
    Duration max_;
    std::uint64_t state_;
    int failures_ = 0;
};

}  // namespace presence::notifier
