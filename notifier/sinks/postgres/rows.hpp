#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/wire/event.hpp"
#include "notifier/sinks/postgres/parameters.hpp"

namespace presence::notifier {

// An event on its way into one statement. Within one a user's row may be written once only, and two
// statements that write in one order do not deadlock.
struct PostgresRow {
    const Event* event = nullptr;
    bool newest = false;  // of its user, by (epoch, seq): for the table
    bool logged = false;  // for the history
};

// The events by user, and each user's by (epoch, seq), the notices first. The events outlive the
// rows. Pure.
[[nodiscard]] std::vector<PostgresRow> rows_of(std::span<const Event* const> events);

// Parameters $6 and on of PostgresSql::write(). Requires: why_never() of each event is empty.
[[nodiscard]] std::vector<PostgresParameter> parameters_of(std::span<const PostgresRow> rows,
                                                           bool with_history);

}  // namespace presence::notifier
