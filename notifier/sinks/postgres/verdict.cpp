#include "notifier/sinks/postgres/verdict.hpp"

#include <array>
#include <limits>
#include <utility>

#include "common/text.hpp"
#include "notifier/sinks/postgres/parameters.hpp"

namespace presence::notifier {

namespace {

constexpr std::string_view kCheckViolation = "23514";

bool no_partition(std::string_view sqlstate, std::string_view constraint) {
    return sqlstate == kCheckViolation && constraint.empty();
}

bool storable(std::string_view text) {
    const auto fault = check_text(text, text.size());
    if (fault == TextFault::control) return text.find('\0') == std::string_view::npos;
    return fault != TextFault::not_utf8;
}

bool storable(const std::optional<std::int64_t>& unix_ms) {
    return !unix_ms || postgres_micros(*unix_ms);
}

}  // namespace

Fault fault_of(std::string_view sqlstate, std::string_view constraint) {
    if (no_partition(sqlstate, constraint)) return Fault::place;
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") ? Fault::event : Fault::place;
}

std::string postgres_advice(std::string_view sqlstate, std::string_view constraint) {
    constexpr std::array<std::pair<std::string_view, const char*>, 13> kAdvice{{
        {"25006",
         ": it is a standby, or read-only; name the primary, or add "
         "target_session_attrs=read-write to the dsn"},
        {"40P01", ": another program locks the same rows in another order"},
        {"42501", ": its role lacks a right; see what the guide has it granted"},
        {"3F000", ": make it, and grant its role USAGE and CREATE on it"},
        {"42703", ": the table is not as this sink makes it; set another `table`"},
        {"42804", ": the table is not as this sink makes it; set another `table`"},
        {"42P01", ": a table was dropped; it is looked at anew"},
        {"42P10", ": the table has no primary key as this sink makes it; set another `table`"},
        {"53100", ": its disk is full"},
        {"53300", ": raise its max_connections"},
        {"55P03", ": another transaction holds a lock for longer than `timeout`; see pg_locks"},
        {"57014", ": it took longer than `timeout`, or somebody cancelled it"},
        {"57P03", ": it starts or stops"},
    }};
    if (no_partition(sqlstate, constraint))
        return ": make the partition of that day, as the guide has it";
    for (const auto& [state, advice] : kAdvice)
        if (state == sqlstate) return advice;
    return {};
}

std::string why_never(const Event& event) {
    for (const std::string_view text :
         {std::string_view(event.user), std::string_view(event.reason),
          event.status ? std::string_view(*event.status) : std::string_view()})
        if (!storable(text)) return "a text of it is not UTF-8, or has a NUL";
    if (!storable(event.at_ms) || !storable(event.since_ms) || !storable(event.last_seen_ms))
        return "a time of it is beyond what Postgres knows";
    constexpr auto kMax = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    if (event.epoch > kMax || event.seq > kMax) return "its epoch or seq is beyond a bigint";
    return {};
}

}  // namespace presence::notifier
