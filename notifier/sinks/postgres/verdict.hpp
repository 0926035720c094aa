#pragma once

#include <string>
#include <string_view>

#include "common/wire/event.hpp"
#include "notifier/sinks/report.hpp"

// Whose fault it is what Postgres says. Pure.
namespace presence::notifier {

// Of a statement that writes events and was answered with an error. SQLSTATE classes 22 and 23 are
// the event's, all others the place's. `constraint`: the name that came with it; a row for which
// there is no partition is 23514 as well, but names none.
[[nodiscard]] Fault fault_of(std::string_view sqlstate, std::string_view constraint);

// For a person: what to do about it, to follow the server's message; or nothing.
[[nodiscard]] std::string postgres_advice(std::string_view sqlstate, std::string_view constraint);

// Why Postgres can never take an event, whatever its tables are; empty: it may.
[[nodiscard]] std::string why_never(const Event& event);

}  // namespace presence::notifier
