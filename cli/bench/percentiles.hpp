#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace presence::cli {

// By nearest rank: the smallest value that at least `percent` of the values do not exceed. Reorders
// `values`. Requires: not empty, 0 < percent <= 100.
template <class Value>
[[nodiscard]] Value percentile(std::vector<Value>& values, std::size_t percent) {
    // In whole numbers: 0.56 x 25 is a little over 14.
    const std::size_t index = (percent * values.size() + 99) / 100 - 1;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(index);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

}  // namespace presence::cli
