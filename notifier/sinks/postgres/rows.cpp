#include "notifier/sinks/postgres/rows.hpp"

#include <algorithm>
#include <tuple>

namespace presence::notifier {

namespace {

std::int64_t known_micros(std::int64_t unix_ms) {
    return postgres_micros(unix_ms).value_or(0);
}

void add(PostgresArray& array, const std::optional<std::int64_t>& unix_ms) {
    if (unix_ms)
        array.add(known_micros(*unix_ms));
    else
        array.add_null();
}

}  // namespace

std::vector<PostgresRow> rows_of(std::span<const Event* const> events) {
    std::vector<PostgresRow> rows;
    rows.reserve(events.size());
    for (const auto* event : events)
        rows.push_back({event});
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return std::tie(a.event->user, a.event->epoch, a.event->seq) <
               std::tie(b.event->user, b.event->epoch, b.event->seq);
    });
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i].newest = !is_gap_notice(*rows[i].event) &&
                         (i + 1 == rows.size() || rows[i + 1].event->user != rows[i].event->user);
    return rows;
}

std::vector<PostgresParameter> parameters_of(std::span<const PostgresRow> rows, bool with_history) {
    using enum PostgresType;
    PostgresArray user(text), online(boolean), since(timestamptz), last_seen(timestamptz),
        status(text), reason(text), at(timestamptz), slot(integer), epoch(bigint), seq(bigint),
        newest(boolean), id(text), logged(boolean);
    for (const auto& row : rows) {
        const auto& event = *row.event;
        if (is_gap_notice(event)) {
            user.add_null();
            online.add_null();
        } else {
            user.add(std::string_view(event.user));
            online.add(event.state == State::online);
        }
        add(since, event.since_ms);
        add(last_seen, event.last_seen_ms);
        if (event.status)
            status.add(std::string_view(*event.status));
        else
            status.add_null();
        reason.add(std::string_view(event.reason));
        at.add(known_micros(event.at_ms));
        slot.add(static_cast<std::int32_t>(event.slot));
        epoch.add(static_cast<std::int64_t>(event.epoch));
        seq.add(static_cast<std::int64_t>(event.seq));
        newest.add(row.newest);
        if (!with_history) continue;
        id.add(std::string_view(id_of(event)));
        logged.add(row.logged);
    }
    std::vector<PostgresParameter> out;
    for (const auto* array :
         {&user, &online, &since, &last_seen, &status, &reason, &at, &slot, &epoch, &seq, &newest})
        out.push_back(array->parameter());
    if (!with_history) return out;
    out.push_back(id.parameter());
    out.push_back(logged.parameter());
    return out;
}

}  // namespace presence::notifier
