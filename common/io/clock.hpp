#pragma once

#include "common/time.hpp"

// The only place that reads a clock.
namespace presence::io {

// CLOCK_BOOTTIME: monotonic, and goes on during suspend, which therefore counts as a stall.
[[nodiscard]] Instant now();
// Milliseconds from now to `until` as poll(2) takes them: rounded up, -1 for never.
[[nodiscard]] int poll_timeout(Instant until);
[[nodiscard]] WallTime wall_now();
// Wall time minus monotonic time, read together.
[[nodiscard]] WallOffset wall_offset();
// A clock that only runs: as now(), but the clock on the wall when it was first asked. For ages of
// what is kept, which people may want to read.
[[nodiscard]] std::int64_t running_ms();
// Identity of this run of a process: unix microseconds at the call. Shows people when it began; to
// be compared for equality only, as the clock may have been set back since an earlier run.
[[nodiscard]] std::uint64_t make_boot();

}  // namespace presence::io
