#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/asker.hpp"
#include "cli/trackers.hpp"
#include "common/wire/query.hpp"

namespace presence::cli {

// A notifier that is asked how its sinks are.
struct Notifier {
    std::string id;
    std::string query;
    std::string fault;  // why it did not answer; empty: it did
    std::optional<SinksAnswer> answer;

    [[nodiscard]] std::vector<std::string> troubles() const;
    void print() const;
    [[nodiscard]] nlohmann::ordered_json json() const;
};

// Those of the file that have a `query`, and of the built-in configuration the one if it answers;
// none where `--to` names a tracker.
[[nodiscard]] std::vector<Notifier> ask_notifiers(Asker& asker, const AskFlags& where);

}  // namespace presence::cli
