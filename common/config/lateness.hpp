#pragma once

#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace presence {

// How much later than its last heartbeat's read and ttl a user may be told offline. Never earlier,
// in any case. For a user with a ttl of their own that counts in place of `timeout`.
struct LateBound {
    std::string when;   // what happens
    std::string bound;  // in terms of settings
    std::string value;  // with those that are in effect
};

// --print-config and docs/configuration.md show them.
[[nodiscard]] std::vector<LateBound> late_bounds(const PresenceConfig& config);

}  // namespace presence
