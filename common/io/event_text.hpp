#pragma once

#include <string>

#include "common/wire/event.hpp"

namespace presence::io {

// For people, in local time: "14:03:15.123  online   alice  heartbeat"; then the status, if any,
// and a freshness other than live.
[[nodiscard]] std::string text_line(const Event& event);

}  // namespace presence::io
