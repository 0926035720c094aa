#pragma once

#include "common/time.hpp"
#include "tests/simulation/random.hpp"
#include "tests/simulation/scheduler.hpp"

namespace presence::simulation {

// The clocks of one machine: a monotonic one with its own origin and rate, and wall time, which
// somebody may set.
class MachineClock {
public:
    static constexpr std::int64_t kDriftPpmMax = 200;

    explicit MachineClock(Random& random)
        : offset_(random.between(1, 60 * 86'400) * kSecond + random.between(0, kSecond)),
          ppm_(random.between(-kDriftPpmMax, kDriftPpmMax)) {}

    [[nodiscard]] std::int64_t local(Time t) const { return offset_ + t + t * ppm_ / 1'000'000; }
    [[nodiscard]] Time truth(std::int64_t local) const {
        return (local - offset_) * 1'000'000 / (1'000'000 + ppm_);
    }
    [[nodiscard]] Instant instant(Time t) const { return Instant{Duration{local(t)}}; }

    [[nodiscard]] std::int64_t wall_at_zero() const {
        return kWallAtStart - offset_ + wall_jumped_;
    }
    [[nodiscard]] WallOffset wall() const { return WallOffset{Duration{wall_at_zero()}}; }
    void jump_wall(Time by) { wall_jumped_ += by; }

private:
    static constexpr std::int64_t kWallAtStart = 1'800'000'000ll * kSecond;

    std::int64_t offset_;
    std::int64_t ppm_;
    std::int64_t wall_jumped_ = 0;
};

}  // namespace presence::simulation
