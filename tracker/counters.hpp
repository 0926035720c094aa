#pragma once

#include <array>

#include "common/counters.hpp"

// What a tracker counts. Those of sessions, users and edges are its roster's.
namespace presence::tracker {

inline constexpr auto kCounters = std::to_array<Counter>({
    {"online", CounterKind::gauge, "Users online."},
    {"sessions", CounterKind::gauge, "Sessions of users online."},
    {"edges", CounterKind::gauge, "Named edges with sessions here."},
    {"edges_silent", CounterKind::gauge, "Edges with sessions here, not heard for edge_timeout."},
    {"edge_lost", CounterKind::count, "Users told offline because their edge was lost."},
    {"heartbeats", CounterKind::count, "Heartbeats applied."},
    {"transitions", CounterKind::count, "Changes of users published."},
    {"batches", CounterKind::count, "Batches of changes published."},
    {"frames", CounterKind::count, "Frames applied."},
    {"frames_duplicate", CounterKind::count, "Frames that had been applied before: resent."},
    {"frames_gap", CounterKind::count,
     "Frames ignored, as one before them is missing: sent again."},
    {"frames_deferred", CounterKind::count,
     "Frames heard and not applied, as the disk is full or too slow: sent again."},
    {"frames_refused", CounterKind::trouble,
     "Frames refused: malformed, another cluster's, or too many."},
    {"stale", CounterKind::count, "Heartbeats that were over, by event time, when they came."},
    {"after_bye", CounterKind::count, "Heartbeats ignored, as their session had said bye."},
    {"moved", CounterKind::trouble, "Heartbeats of users that another tracker owns."},
    {"slots_not_fed", CounterKind::gauge, "Slots owned that some collector routes elsewhere."},
    {"users_limit", CounterKind::trouble,
     "Heartbeats refused, as there was no room for their user."},
    {"sessions_limit", CounterKind::trouble, "Heartbeats without room for a session: they share."},
    {"edges_limit", CounterKind::trouble, "Heartbeats without room for an edge: they share."},
    {"malformed", CounterKind::trouble, "Rows that no collector of ours can have sent."},
    {"lifts", CounterKind::trouble, "Lifts of all deadlines, as evidence may be missing."},
    {"offline_in_doubt", CounterKind::trouble,
     "Users told offline, as stale, who may have been heard: freeze_max was over."},
    {"queries", CounterKind::count, "Queries received."},
    {"queries_refused", CounterKind::trouble, "Queries that are malformed."},
    {"replays_refused", CounterKind::trouble, "Replays refused, as too many of a peer waited."},
    {"journal_waiting_bytes", CounterKind::gauge, "Bytes not yet written to the journal."},
    {"topics", CounterKind::gauge, "Different topics subscribed to."},
    {"lag_ms", CounterKind::gauge, "How old the evidence is; -1 before the first."},
});
using TrackerCounters = Counters<kCounters>;

}  // namespace presence::tracker
