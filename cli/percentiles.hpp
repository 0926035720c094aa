#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace presence::cli {

// By nearest rank: the smallest value that at least `percent` of the values do not exceed. Reorders
// `values`. Requires: not empty, 0 < percent <= 100.
template <class Value>
[[nodiscard]] Value percentile(std::vector<Value>& values, double percent) {
    const double rank = percent / 100.0 * static_cast<double>(values.size());
    auto index = static_cast<std::size_t>(rank);
    if (static_cast<double>(index) == rank && index > 0) --index;
    const auto at =
        values.begin() + static_cast<std::ptrdiff_t>(std::min(index, values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

}  // namespace presence::cli
