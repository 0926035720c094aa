#pragma once

#include <string>

#include "common/config.hpp"

namespace presence::cli {

// A configuration as a file that only this process and its children see, and that vanishes with
// it. Throws std::system_error.
[[nodiscard]] std::string built_in_file(const Config& config);

}  // namespace presence::cli
