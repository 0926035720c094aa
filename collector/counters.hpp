#pragma once

#include <array>

#include "common/counters.hpp"

// What a collector counts beside the heartbeats that it rejects (common/wire/heartbeat.hpp).
namespace presence::collector {

inline constexpr auto kCounters = std::to_array<Counter>({
    {"messages", CounterKind::count, "Messages received from edges."},
    {"heartbeats", CounterKind::count, "Heartbeats received that keep to the contract."},
    {"frames_sent", CounterKind::count, "Frames sent to trackers, those sent again included."},
    {"frames_resent", CounterKind::count, "Frames sent again."},
    {"rows_sent", CounterKind::count, "Rows sent to trackers, each counted once."},
    {"backlog_rows", CounterKind::gauge, "Rows that wait for trackers that are behind."},
    {"merged", CounterKind::count, "Waiting rows replaced by a newer one of their session."},
    {"dropped", CounterKind::trouble, "Rows given up because a backlog was full."},
    {"moved", CounterKind::trouble, "Rows that a tracker refused because another owns their user."},
    {"edges", CounterKind::gauge, "Named edges known."},
    {"waits", CounterKind::count, "Times that the input waited for trackers that were behind."},
    {"closings", CounterKind::trouble,
     "Times that the input was closed because no tracker answered."},
    {"input_stalls", CounterKind::trouble,
     "Times that the thread which reads edges stood still for more than 250 ms."},
    {"refused_acks", CounterKind::trouble,
     "Acknowledgements refused: malformed, or of another tracker."},
    {"begun_anew", CounterKind::trouble,
     "Links begun anew because somebody sent frames in this collector's name."},
});
using CollectorCounters = Counters<kCounters>;

}  // namespace presence::collector
