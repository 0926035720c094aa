#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/wire/query.hpp"

namespace presence::cli {

// What the tracker has of a collector. `behind` in place of `live` where its evidence is older than
// kBehind: heartbeats that it read since are not known.
inline constexpr Duration kBehind = 1s;
[[nodiscard]] std::string_view state_of(const StatusAnswer::Collector& collector);

// What is wrong with a tracker by its own word, each as "is frozen" or "collector c2 is silent";
// none: it is healthy. Starting (`warming`) is healthy, and so is a collector that said goodbye.
[[nodiscard]] std::vector<std::string> troubles_of(Freshness freshness, const StatusAnswer& status);

}  // namespace presence::cli
