#pragma once

#include <array>

#include "common/counters.hpp"

namespace presence {

// What was wrong with a message: why it, or an item of it, or one field of an item was dropped. A
// wrong field costs the item only if nobody can say who lives (docs/protocol.md, "What is
// counted").
inline constexpr auto kRejects = std::to_array<Counter>({
    {"not_msgpack", CounterKind::trouble,
     "Messages dropped: malformed, cut off, or with bytes after the value."},
    {"too_large", CounterKind::trouble, "Messages dropped: over 64 KiB."},
    {"too_deep", CounterKind::trouble, "Messages dropped: nested deeper than 16."},
    {"multipart", CounterKind::trouble, "Messages dropped: more than one frame."},
    {"wrong_type", CounterKind::trouble,
     "Items dropped, or messages: of a type that no item, or no user, has."},
    {"user_missing", CounterKind::trouble, "Items dropped: a map without user."},
    {"user_empty", CounterKind::trouble, "Items dropped: the user is empty."},
    {"user_too_long", CounterKind::trouble, "Items dropped: the user is too long."},
    {"user_control", CounterKind::trouble, "Items dropped: the user has control characters."},
    {"user_not_utf8", CounterKind::trouble, "Items dropped: the user is no UTF-8."},
    {"bad_session", CounterKind::trouble, "Sessions replaced: they break the rules for ids."},
    {"bad_status", CounterKind::trouble, "Statuses left out: they break the rules."},
    {"bad_ttl", CounterKind::trouble, "Ttls replaced: outside 1 s to 24 h, or no whole number."},
    {"bad_age", CounterKind::trouble, "Ages taken for 0: no whole number."},
    {"bad_bye", CounterKind::trouble, "Byes taken for heartbeats: `bye` is no boolean."},
    {"bad_linger", CounterKind::trouble, "Lingers left out: over an hour, or no whole number."},
    {"bad_edge", CounterKind::trouble, "Messages dropped: an envelope without a right edge."},
    {"bad_envelope", CounterKind::trouble, "Fields of envelopes left out: of another type."},
    {"bad_clock", CounterKind::trouble,
     "Messages of edges whose sent_ms is no time: it was late for seconds twice in a minute."},
    {"stale", CounterKind::trouble,
     "Items dropped: older than their ttl, and event time is past their end."},
    {"edges_limit", CounterKind::trouble, "Messages of edges that found no room for a lease."},
});
using Rejects = Counters<kRejects>;
using Reject = Rejects::Key;

}  // namespace presence
