#pragma once

#include "common/time.hpp"

// The only place that reads a clock.
namespace presence::io {

// CLOCK_BOOTTIME: monotonic, and goes on during suspend, which therefore counts as a stall.
[[nodiscard]] Instant now();
[[nodiscard]] WallTime wall_now();
// Wall time minus monotonic time, read together.
[[nodiscard]] WallOffset wall_offset();
// Identity of this run of a process: unix microseconds at the call, which a later run exceeds.
[[nodiscard]] std::uint64_t make_boot();

}  // namespace presence::io
