#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "common/wire/event.hpp"

namespace presence::notifier {

// Which events a place is told that holds what happened. Notices always pass, and so do reconciled
// events: they correct what the place was told before.
struct Selection {
    std::vector<std::string> states{};  // none: all
    std::vector<std::string> reasons{};

    [[nodiscard]] bool has(const Event& event) const {
        const auto in = [](const auto& words, std::string_view word) {
            return words.empty() || std::ranges::find(words, word) != words.end();
        };
        return event.user.empty() || event.reconciled ||
               (in(states, name_of(event.state)) && in(reasons, event.reason));
    }
};

}  // namespace presence::notifier
