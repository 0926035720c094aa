#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/time.hpp"
#include "tests/simulation/random.hpp"
#include "tests/simulation/scheduler.hpp"

namespace presence::simulation {

// The clocks of one machine: a monotonic one with its own origin and a rate that may change, and
// wall time, which somebody may set.
class MachineClock {
public:
    static constexpr std::int64_t kDriftPpmMax = 200;

    explicit MachineClock(Random& random)
        : offset_(random.between(1, 60 * 86'400) * kSecond + random.between(0, kSecond)),
          pieces_{{0, offset_, random.between(-kDriftPpmMax, kDriftPpmMax)}} {}

    [[nodiscard]] std::int64_t local(Time t) const {
        const auto& piece = *std::find_if(pieces_.rbegin(), pieces_.rend() - 1,
                                          [&](const Piece& p) { return p.from <= t; });
        return piece.local + (t - piece.from) + (t - piece.from) * piece.ppm / 1'000'000;
    }
    [[nodiscard]] Time truth(std::int64_t local) const {
        const auto& piece = *std::find_if(pieces_.rbegin(), pieces_.rend() - 1,
                                          [&](const Piece& p) { return p.local <= local; });
        if (piece.ppm == -kStill) return piece.from;
        return piece.from + (local - piece.local) * 1'000'000 / (1'000'000 + piece.ppm);
    }
    // Another one for each machine.
    [[nodiscard]] std::uint64_t serial() const { return static_cast<std::uint64_t>(offset_); }
    // From now on it goes at another rate.
    void drift(Time now, std::int64_t ppm) {
        ppm_ = ppm;
        if (!still_since_) pieces_.push_back({now, local(now), ppm});
    }
    void stand_still(Time now) {
        if (still_since_) return;
        pieces_.push_back({now, local(now), -kStill});
        still_since_ = now;
    }
    void go_on(Time now) {
        if (!still_since_) return;
        stood_still_ += now - *std::exchange(still_since_, std::nullopt);
        drift(now, ppm_);
    }
    [[nodiscard]] bool stands_still() const { return still_since_.has_value(); }
    // How long it did, until it last went on.
    [[nodiscard]] Time stood_still() const { return stood_still_; }
    [[nodiscard]] Instant instant(Time t) const { return Instant{Duration{local(t)}}; }

    [[nodiscard]] std::int64_t wall_at_zero() const {
        return kWallAtStart - offset_ + wall_jumped_;
    }
    [[nodiscard]] WallOffset wall() const { return WallOffset{Duration{wall_at_zero()}}; }
    void jump_wall(Time by) { wall_jumped_ += by; }

private:
    static constexpr std::int64_t kWallAtStart = 1'800'000'000ll * kSecond;

    static constexpr std::int64_t kStill = 1'000'000;  // ppm

    struct Piece {
        Time from;
        std::int64_t local;  // then
        std::int64_t ppm;
    };
    std::int64_t offset_;
    std::vector<Piece> pieces_;  // never empty
    std::int64_t wall_jumped_ = 0;
    std::int64_t ppm_ = 0;
    std::optional<Time> still_since_;
    Time stood_still_ = 0;
};

}  // namespace presence::simulation
