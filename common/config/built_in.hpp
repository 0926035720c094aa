#pragma once

#include <string_view>
#include <vector>

#include "common/config/choices.hpp"

namespace presence {

// Whether this build has sinks of that type: some need a library that may have been left out.
[[nodiscard]] bool is_built_in(SinkType type);

// "stdout, jsonl, ..." in the order of the enum.
[[nodiscard]] std::vector<std::string_view> sinks_built_in();

}  // namespace presence
