#pragma once

#include <array>

#include "common/counters.hpp"

namespace presence {

// What followers of trackers count.
inline constexpr auto kFollowCounters = std::to_array<Counter>({
    {"batches", CounterKind::count, "Batches taken in."},
    {"events", CounterKind::count, "Changes handed out."},
    {"duplicates", CounterKind::count, "Events that said nothing new."},
    {"gaps", CounterKind::count,
     "Times that batches were missing. They are replayed; each restart makes one."},
    {"gap_told", CounterKind::trouble, "Notices handed on that changes are missing for good."},
    {"replayed", CounterKind::count, "Batches replayed from a journal."},
    {"resyncs", CounterKind::count, "Times that all users were compared with those of a tracker."},
    {"snapshots", CounterKind::count, "Snapshots of a slot taken in."},
    {"reconciled", CounterKind::count, "Differences found by comparison."},
    {"diverged", CounterKind::trouble,
     "Answers by which a journal does not hold what came from it."},
    {"timeouts", CounterKind::trouble, "Questions without an answer in time."},
    {"errors", CounterKind::trouble, "Questions answered with an error."},
    {"refused", CounterKind::trouble, "Messages refused: malformed, or of another's slot."},
    {"out_of_date", CounterKind::count, "Messages of an earlier run or owner."},
    {"users_limit", CounterKind::trouble, "Users not followed because there was no room."},
});
using FollowCounters = Counters<kFollowCounters>;

}  // namespace presence
