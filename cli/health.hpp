#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/wire/query.hpp"

namespace presence::cli {

// What the tracker has of a collector. In place of `live`, `behind` where its evidence is older
// than kBehind: heartbeats that it read since are not known; or `silent` where it is not heard at
// all, and waited for.
inline constexpr Duration kBehind = 1s;
[[nodiscard]] std::string_view state_of(const StatusAnswer::Collector& collector,
                                        const std::vector<StatusAnswer::Hold>& holds);

// What is wrong with a tracker by its own word, each as "is frozen" or "collector c2 is silent";
// none: it is healthy. Starting (`warming`) is healthy, and so is a collector that said goodbye.
[[nodiscard]] std::vector<std::string> troubles_of(Freshness freshness, const StatusAnswer& status);

}  // namespace presence::cli
