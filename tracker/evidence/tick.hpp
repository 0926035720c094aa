#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "common/time.hpp"

namespace presence::tracker {

// Milliseconds since a roster's origin. Rosters keep the low 32 bits, of which 49 days make a
// round.
using Tick = std::int64_t;

// Instants as ticks. Reads are rounded up and event time down, so that a user never loses time.
struct TickClock {
    Instant origin;

    [[nodiscard]] Tick of_read(Instant t) const {
        return std::chrono::ceil<std::chrono::milliseconds>(t - origin).count();
    }
    [[nodiscard]] Tick of_event(Instant t) const {
        return std::chrono::floor<std::chrono::milliseconds>(t - origin).count();
    }
    [[nodiscard]] Instant instant(Tick t) const { return origin + std::chrono::milliseconds(t); }
};

// Which of the ticks with the same low 32 bits is meant: the one within 24 days of the centre.
class TickWindow {
public:
    // Ticks that are kept lie at most this far before the centre (6 days), and not much more after
    // it.
    static constexpr Tick kReach = Tick{1} << 29;

    [[nodiscard]] Tick widen(std::uint32_t low) const {
        return centre_ + static_cast<std::int32_t>(low - static_cast<std::uint32_t>(centre_));
    }
    // `t` lies too far ahead: what is kept must be clamped to floor_at(t), then the centre moved.
    [[nodiscard]] bool outgrown(Tick t) const { return t - centre_ > kReach; }
    [[nodiscard]] static Tick floor_at(Tick centre) { return centre - kReach; }
    [[nodiscard]] Tick clamp(Tick t) const { return std::max(t, floor_at(centre_)); }
    void move_to(Tick centre) { centre_ = centre; }

private:
    Tick centre_ = 0;
};

}  // namespace presence::tracker
