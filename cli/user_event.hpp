#pragma once

#include <optional>
#include <string_view>

#include "common/wire/event.hpp"

namespace presence::cli {

// The event object as it comes on `user/` topics; nothing if the bytes are none. Keys it does not
// know are ignored.
[[nodiscard]] std::optional<Event> read_user_event(std::string_view bytes);

}  // namespace presence::cli
