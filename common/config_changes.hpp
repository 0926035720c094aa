#pragma once

#include <string>

#include "common/config.hpp"

namespace presence {

// Which settings differ, for a person: "tracker t2, sink audit mode, timeout". A table that is only
// in one of them stands for all of its settings. Empty: none.
[[nodiscard]] std::string changed_settings(const Config& before, const Config& after);

}  // namespace presence
