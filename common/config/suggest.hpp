#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace presence {

// The known name that `typed` most probably meant: fewest single-character edits (insertion,
// removal, replacement, swap of neighbours), at most one for every three characters typed, but two
// always. Empty if none is that near.
[[nodiscard]] std::string nearest(std::string_view typed,
                                  const std::vector<std::string_view>& known);

// "; did you mean `timeout`?", or where none is near "; there are `cluster`, `timeout` ...".
[[nodiscard]] std::string did_you_mean_or_which(std::string_view typed,
                                                const std::vector<std::string_view>& known);

// "; did you mean `timeout`?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view typed,
                                       const std::vector<std::string_view>& known);

}  // namespace presence
