#pragma once

#include <cstdint>

namespace presence::io {

// Of the machine's run, which ends with its power, and with it its monotonic clock; the same each
// time where it cannot be told.
[[nodiscard]] std::uint64_t machine_boot();

}  // namespace presence::io
