#pragma once

#include <string>

namespace presence::notifier {

// The password that stands alone in a file, without the end of its line; warns if others may read
// it (`secret_open_to_others`). Throws SinkFailure.
[[nodiscard]] std::string password_of(const std::string& file);

}  // namespace presence::notifier
