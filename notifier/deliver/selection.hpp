#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "common/wire/event.hpp"

namespace presence::notifier {

// What of all that happens a place is told that holds what happened. Notices, and reconciled
// events, which set right what it was told before, are always told.
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
