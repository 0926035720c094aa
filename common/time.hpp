#pragma once

#include <chrono>
#include <cstdint>

// Time as every core sees it: an argument. None of these clocks has a now(); only
// common/io/clock.hpp can read one.
namespace presence {

using Duration = std::chrono::microseconds;

namespace detail {
template <class Self, class D>
struct Timeline {
    using duration = D;
    using rep = typename D::rep;
    using period = typename D::period;
    using time_point = std::chrono::time_point<Self, D>;
    static constexpr bool is_steady = true;
};
}  // namespace detail

// The monotonic clock of this process's machine.
struct MonotonicTime : detail::Timeline<MonotonicTime, Duration> {};
// The monotonic clock of another process. Meaningless here until a ClockMap maps it.
struct PeerTime : detail::Timeline<PeerTime, Duration> {};
// Unix time. Shown to people, never used to decide or to order.
struct UnixTime : detail::Timeline<UnixTime, std::chrono::milliseconds> {};

using Instant = MonotonicTime::time_point;
using PeerInstant = PeerTime::time_point;
using WallTime = UnixTime::time_point;

// What to add to an Instant to show it as wall time; read anew by the shell each loop turn.
struct WallOffset {
    Duration since_epoch_at_zero{0};

    [[nodiscard]] constexpr WallTime at(Instant t) const {
        return WallTime{std::chrono::floor<std::chrono::milliseconds>(t.time_since_epoch() +
                                                                      since_epoch_at_zero)};
    }
};

constexpr std::int64_t micros(Instant t) {
    return t.time_since_epoch().count();
}
constexpr std::int64_t micros(PeerInstant t) {
    return t.time_since_epoch().count();
}
// Whether a time stamp of another process may be reckoned with: far beyond any clock, and so far
// below 2^63 that no sum or difference of two overflows.
[[nodiscard]] constexpr bool is_stamp(std::int64_t us) {
    constexpr std::int64_t kMax = std::int64_t{1} << 60;
    return us > -kMax && us < kMax;
}
constexpr std::int64_t millis(WallTime t) {
    return t.time_since_epoch().count();
}

using namespace std::chrono_literals;

}  // namespace presence
