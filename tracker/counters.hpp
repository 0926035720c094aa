#pragma once

#include <array>

#include "common/counters.hpp"

// What a tracker counts. Those of sessions, users and edges are its roster's.
namespace presence::tracker {

inline constexpr auto kCounters = std::to_array<Counter>({
    {"online", CounterKind::gauge, "Users online."},
    {"sessions", CounterKind::gauge, "Sessions of users online."},
    {"edges", CounterKind::gauge, "Named edges with sessions here."},
    {"edges_silent", CounterKind::gauge,
     "Named edges with sessions here that have not been heard for `edge_timeout`."},
    {"edge_lost", CounterKind::count, "Users told offline because their edge was lost."},
    {"heartbeats", CounterKind::count, "Heartbeats applied."},
    {"transitions", CounterKind::count, "Changes of users that were published."},
    {"batches", CounterKind::count, "Batches of changes published."},
    {"frames", CounterKind::count, "Frames applied."},
    {"frames_duplicate", CounterKind::count,
     "Frames that came again; a few are normal at each start."},
    {"frames_gap", CounterKind::count,
     "Frames ignored because one before them is missing. They are sent again; a few are normal at "
     "each start."},
    {"frames_deferred", CounterKind::count,
     "Frames heard and not applied because the disk was full or too slow. They are sent again."},
    {"frames_refused", CounterKind::trouble, "Frames refused: see `frame_refused` in the log."},
    {"stale", CounterKind::count, "Heartbeats whose ttl was over, by event time, when they came."},
    {"after_bye", CounterKind::count, "Heartbeats ignored because their session had said bye."},
    {"moved", CounterKind::trouble, "Heartbeats of users that another tracker owns."},
    {"slots_not_fed", CounterKind::gauge, "Slots of its own that some collector routes elsewhere."},
    {"users_limit", CounterKind::trouble,
     "Heartbeats refused because there was no room for their user."},
    {"sessions_limit", CounterKind::trouble,
     "Heartbeats that found no room for a session of their own, and share one."},
    {"lingering_limit", CounterKind::count,
     "Byes forgotten early, as their user had 16 later ones that linger."},
    {"edges_limit", CounterKind::trouble,
     "Heartbeats that found no room for an edge of their own, and share one."},
    {"malformed", CounterKind::trouble, "Rows that no collector of ours can have sent."},
    {"lifts", CounterKind::trouble,
     "Times that all deadlines were lifted because heartbeats may have been lost."},
    {"offline_in_doubt", CounterKind::trouble,
     "Users told offline, as `stale`, who may have been heard: `freeze_max` was over."},
    {"queries", CounterKind::count, "Queries received."},
    {"queries_refused", CounterKind::trouble, "Queries refused because they were malformed."},
    {"replays_refused", CounterKind::trouble,
     "Replays refused because too many of one asker waited."},
    {"journal_waiting_bytes", CounterKind::gauge, "Bytes that wait to be written to the journal."},
    {"topics", CounterKind::gauge, "Different topics subscribed to."},
    {"lag_ms", CounterKind::gauge, "How old the evidence is; -1 before the first."},
});
using TrackerCounters = Counters<kCounters>;

}  // namespace presence::tracker
