#include "common/io/clock.hpp"

#include <algorithm>
#include <ctime>
#include <limits>

namespace presence::io {
namespace {

Duration read(clockid_t clock) {
    timespec t{};
    ::clock_gettime(clock, &t);
    // Not all in nanoseconds: those of the year 2300 do not fit.
    return std::chrono::seconds(t.tv_sec) +
           std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(t.tv_nsec));
}

}  // namespace

Instant now() {
    return Instant{read(CLOCK_BOOTTIME)};
}

int poll_timeout(Instant until) {
    if (until == Instant::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max() / 2));
}

WallTime wall_now() {
    return WallTime{std::chrono::floor<std::chrono::milliseconds>(read(CLOCK_REALTIME))};
}

WallOffset wall_offset() {
    return WallOffset{read(CLOCK_REALTIME) - read(CLOCK_BOOTTIME)};
}

std::int64_t running_ms() {
    static const WallOffset offset = wall_offset();
    return millis(offset.at(now()));
}

std::uint64_t make_boot() {
    return static_cast<std::uint64_t>(read(CLOCK_REALTIME).count());
}

}  // namespace presence::io
