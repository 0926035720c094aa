#pragma once

#include <cstdint>

namespace presence {

// Bugs made on purpose, at most one at a time: the tests show by them that the simulation finds
// such bugs (tests/simulation/README.md). Compiled in only with the CMake option
// PRESENCE_TEST_BUGS; without it nobody can choose one, and `if (bug(...))` is no code.
enum class Bug : std::uint8_t {
    none,
    // collector
    watermark_before_drain,    // though its input is not empty
    watermark_before_backlog,  // though rows wait for an absent tracker
    behind_forgotten,          // though its input waits for trackers that are behind
    stall_forgotten,           // the watermark goes on at once after a stall
    input_stall_ignored,       // and goes on although what feeds the input stands still
    drops_untold,
    isolated_reads_on,     // though no tracker vouches for it
    bye_displaced,         // in the backlog, by a heartbeat of the session
    stood_still_believed,  // an edge's clock, that its messages are late
    // tracker
    watermark_skipped,    // deadlines are due by the tracker's own clock
    watermark_late,       // mapped by the late end of the collector's clock
    lift_forgotten,       // when a collector vanished
    lift_keeps_bye,       // though its user may have come back meanwhile
    sightings_ignored,    // of collectors that only other trackers hear
    unwitnessed_ignored,  // that a collector which was given up may live, heard by others alone
    jump_ignored,         // of a collector's clock
    newest_run_only,      // of two processes under one id, the one that began last
    start_not_lifted,
    frame_applied_twice,
    frame_hole_ignored,
    applied_forgotten,  // how far frames were applied, over a restart
    bye_at_once,        // what other collectors have read until then may not have come yet
    bye_before_read,    // the same, of a bye with an age
    revived_after_bye,
    session_limit_drops,     // a heartbeat that finds no room for its session
    shared_session_ends,     // by the bye of one of those who share it
    published_first,         // before the journal is written
    wall_clock_heard,        // time passes by the clock on the wall
    edge_not_held,           // though it is silent
    edge_silence_forgotten,  // when the edge is heard again
    edge_held_on,            // beyond its grace
    edge_lost_at_once,       // not paced
    freeze_short,            // event time runs on after a quarter of what it may be held
    held_for_ever,           // what holds people up has no bound
    stale_untold,            // that somebody was told offline without evidence
    lists_ignored,           // collectors that route by another list of trackers
    fed_again_not_lifted,    // a slot whose heartbeats went elsewhere for a while
    epoch_unheard,           // a slot's epoch is not raised above those of others
    // notifier
    gap_ignored,
    old_run_accepted,
    evidence_ignored,  // who is missing in a snapshot is offline, however far back it reaches
    cursor_first,      // kept before the sink took what lies before it
    count_
};

#ifdef PRESENCE_TEST_BUGS
inline Bug chosen_bug = Bug::none;
[[nodiscard]] inline bool bug(Bug which) {
    return chosen_bug == which;
}
#else
[[nodiscard]] constexpr bool bug(Bug) {
    return false;
}
#endif

}  // namespace presence
