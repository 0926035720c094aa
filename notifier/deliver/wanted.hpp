#pragma once

#include <string>
#include <vector>

#include "common/wire/event.hpp"

namespace presence::notifier {

// Whose dead letters somebody wants replayed: users, told their current state, and notices, which
// have no user and are told as they were.
struct Wanted {
    std::vector<std::string> users;
    std::vector<Event> notices;

    [[nodiscard]] bool empty() const { return users.empty() && notices.empty(); }
};

}  // namespace presence::notifier
