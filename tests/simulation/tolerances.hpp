#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tests/simulation/clock.hpp"
#include "tests/simulation/plan.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/scheduler.hpp"

// How far what the product does may be from the plain truth: by how much a time may be off, how
// late an event may be, and how much longer after which fault. Nothing else in the simulation holds
// such a number.
//
// Each names the rule of the product that it mirrors. The numbers are copies on purpose: the model
// shares no code with the cores, so a rule that changes is changed here by hand.
namespace presence::simulation::tolerances {

// --- How exact times are ---

// Milliseconds are cut off in sent_ms, age_ms and at_ms (docs/protocol.md), and a ttl is counted on
// a clock that is off by MachineClock::kDriftPpmMax; the product loosens by more
// (common/clocks/offset_filter.hpp: kDriftPpm).
constexpr Time of_length(Time length) {
    return 3 * kMillisecond + length / 4'000;
}
// What is lost when a time goes from true to a machine's clock and back (MachineClock::truth).
inline constexpr Time kRounding = 100;
// How well a tracker knows a collector's clock without trouble on the links: within a round trip
// (common/clocks/clock_map.hpp, as wide as its tightest bounds).
inline Time clock_bound(const Shape& shape) {
    return 50 * kMillisecond + 2 * shape.delay_max();
}
// And with trouble, at worst here.
inline constexpr Time kClockBoundMax = 2 * kSecond;
// How well it knows when an edge was heard: the same, and the read times of a flush
// (tracker/evidence/edge_leases.hpp: on_heard).
inline Time edge_bound(const Shape& shape) {
    return 100 * kMillisecond + 2 * shape.delay_max();
}
// A machine that was suspended for longer is noticed: bounds that cross by more than 100 ms
// (common/clocks/clock_map.hpp: kJump), over links with their usual delay.
inline Time suspension_noticed(const Shape& shape) {
    return 6 * shape.delay_max() + 150 * kMillisecond;
}
// Before a collector's clock stood still, what was sent within so long may be taken for later: it
// waits for acknowledgements, a probe each second (collector/link.hpp: kProbeInterval).
inline constexpr Time kSentBeforeStill = 2 * kSecond;

// --- What a collector does with a heartbeat ---

// Messages that are late for longer are believed after all, and once more as long if others were
// late before (collector/queueing_delay.hpp: twice kQueued, and a turn).
inline constexpr Time kLateDoubted = 4 * kSecond + 100 * kMillisecond;
// A clock that stood still for less is not noticed (collector/queueing_delay.hpp: kLate, and a
// turn).
inline constexpr Time kLateUnnoticed = 15 * kMillisecond;
// Whether one was too old when it was read, and so is in no frame, is open for so long
// (collector/router.cpp: is_stale; off by queueing_delay.hpp: kLate).
inline constexpr Time kTooOld = 10 * kMillisecond;
// A newer one of its session may stand for it; which is newer is told by sent_ms and age_ms, to so
// much (collector/compacted_queue.hpp: Entry::time).
inline constexpr Time kNewerOfTwo = 50 * kMillisecond;
// A longer stop is a stall, after which the kernel may still hold what came meanwhile
// (collector/input_watermark.hpp: kStall, and a turn).
inline constexpr Time kStall = 260 * kMillisecond;
// How long the kernel may hold it: the collector is cautious for longer
// (collector/input_watermark.hpp: kHold).
inline constexpr Time kKernelLagMax = 600 * kMillisecond;
// A probe may be asked so long after a stall of the input began (collector/input_probe.hpp:
// kInterval, and a turn).
inline constexpr Time kProbePause = 40 * kMillisecond;

// --- What a tracker knows of collectors ---

// A collector that is silent for so long may be given up (tracker/evidence/failure_detector.hpp,
// `collector_grace`), as a clock tells.
inline Time silence_max(const Shape& shape) {
    return shape.grace - 5 * kMillisecond;
}
// A run counts as ended if it says nothing for so long after another began under its id
// (tracker/evidence/failure_detector.hpp: kOverlap).
inline constexpr Time kOverlap = kSecond;
inline constexpr Time kOverlapLeast = kOverlap - 5 * kMillisecond;  // as a clock tells
// What a collector that was given up reads counts only again once it is heard, sends again and is
// no longer cautious (collector/link.hpp: kProbeInterval; collector/input_watermark.hpp: kHold).
inline constexpr Time kHeardAgain = 3 * kSecond;
// What other trackers say of a collector has to come within the grace. They say it 20 times in a
// grace (tracker/evidence/failure_detector.cpp: told_others), a collector passes it on ten times
// (collector/sightings.hpp: due_); there, back, and as long for what clocks cannot tell.
inline Time sighting_late(const Shape& shape) {
    return shape.grace * 3 / 20 + 6 * shape.delay_max() + 200 * kMillisecond;
}
// After a fault of evidence nobody can tell for so long what others say: given up, heard again, and
// kHeardAgain (tracker/evidence/failure_detector.hpp, `collector_grace`).
inline Time sighting_recovered(const Shape& shape) {
    return 2 * shape.grace + 4 * kSecond;
}
// A crash, and another fault of evidence within so long of it: until there are other frames times
// are taken for later than they were (common/clocks/clock_map.hpp; collector/link.hpp:
// kProbeInterval).
inline constexpr Time kTogether = kSecond;

// --- Order, and who may end a session ---

// A bye ends also what was read so much later (tracker/roster/roster.hpp: kByeMemory).
inline constexpr Time kByeMemory = 2 * kSecond;
// Through two collectors one heartbeat may overtake another by so much without faults: two flushes
// and links, and their turns (collector/router.hpp: flush_interval).
inline constexpr Time kOvertaking = 500 * kMillisecond;
// A bye that is told was read at the most so long before its user's state last changed. No rule
// says so: it is more than any fault here holds a row back.
inline constexpr Time kByeLate = 10 * kSecond;
// What was perhaps lost holds a user only at a tracker that knows them: not what was read up to so
// long after it forgot everybody. No rule says so: it is a start, a ttl and the longest fault.
inline constexpr Time kForgotten = 15 * kSecond;
// A heartbeat whose deadline passed so shortly before the offline may bring its user back
// (tracker/evidence/tick.hpp; a flush, and what clock_bound leaves open).
inline constexpr Time kBackOnline = 100 * kMillisecond;

// --- Edges ---

// How old a tracker's knowledge of who is heard may be, beside the way of a frame
// (collector/link.hpp: kLeaseInterval) and two flushes.
inline constexpr Time kLeaseInterval = 500 * kMillisecond;
inline Time lease_late(const Shape& shape) {
    return kLeaseInterval + 2 * shape.flush;
}
// Sessions with a shorter ttl are not held (tracker/evidence/edge_leases.hpp: "below 2 x").
inline Time leased_ttl_min(const Shape& shape) {
    return 2 * shape.edge_timeout;
}
// How long after its last word an edge's last user is told offline, should it not come back: its
// lease, a second, and the rate (tracker/roster/rate_limit.hpp). A quarter of the users at most are
// on one edge and have a ttl that its lease covers.
inline Time edge_lost_after(const Shape& shape) {
    return shape.edge_timeout + shape.edge_grace + kSecond +
           static_cast<Time>(shape.users / 4) * kSecond / static_cast<Time>(shape.edge_lost_rate);
}
// So many are told edge_lost within a second at the most: the rate, a tenth of a second's at once
// (tracker/roster/rate_limit.hpp: burst_), and what clocks and a boundary add.
inline std::size_t edge_lost_a_second(std::size_t rate) {
    return rate + std::max<std::size_t>(rate / 10, 1) + rate / 50 + 1;
}
// A fault of evidence for longer lifts deadlines, which counts as a word of each edge
// (tracker/evidence/edge_leases.hpp: lift), as far back as deadlines may lie.
inline bool may_lift(Time lasted, const Shape& shape) {
    return lasted > shape.grace / 2;
}
inline Time lifted_before(const Shape& shape) {
    return shape.ttl_max + shape.grace;
}

// --- The bound of all that holds ---

// From its read on no session is held for longer (tracker/roster/roster.hpp: read + ttl + hold_max
// + ttl).
inline Time held_at_most(Time ttl, const Shape& shape) {
    return 2 * ttl + shape.freeze_max;
}
// What a fault of evidence, or of an edge, may hold up beside its own time: two lifts, each for a
// ttl.
inline Time lifts_of_a_fault(const Shape& shape) {
    return 2 * shape.timeout;
}
// What was over before so long holds up nobody now: a session's bound, and event time's.
inline Time held_lately(const Shape& shape) {
    return held_at_most(shape.ttl_max, shape) + shape.freeze_max;
}

// --- How late a sink is told ---

// In calm times: a flush without rows (collector/router.hpp: flush_interval, twice), two links,
// four turns, 150 ms, and what a tracker cannot know of a collector's clock: the delay of a frame
// and of an acknowledgement.
inline Time told_within(const Shape& shape) {
    return 2 * shape.flush + 4 * shape.delay_max() + 4 * Process::kTurnMax + 150 * kMillisecond;
}
// The least that is held up when anything says stale (tracker/evidence/event_time.hpp, `max`):
// evidence is late already when a fault begins.
inline Time stale_least(const Shape& shape) {
    return shape.freeze_max - told_within(shape);
}
// The order of two statuses is open if one waited longer between arrival and reading than this, or
// if they were read within kStatusesApart (tracker/roster/apply.cpp: the newer counts).
inline constexpr Time kStatusWaited = 300 * kMillisecond;
inline constexpr Time kStatusesApart = kSecond;

// --- How much longer after which fault ---

// Shows what was published last (tracker/tracker_impl.hpp: kTickInterval).
inline constexpr Time kTick = kSecond;
// Then a follower asks again (common/follow/follower.hpp: answer_timeout).
inline constexpr Time kAnswerTimeout = 2 * kSecond;
// Of a follower after a refusal (common/follow/tracker_stream.hpp: kPause), of a sink at most
// (notifier/deliver/delivery.hpp: backoff_max, as notifier_process.cpp sets it).
inline constexpr Time kPause = kSecond;
// Of a collector that was stopped (collector/input_watermark.hpp: kHold).
inline constexpr Time kCaution = kSecond;
// Of a collector that is not acknowledged (collector/link.hpp: kProbeInterval).
inline constexpr Time kProbe = kSecond;
// Of a collector that had closed its input: edges come back (collector/read_lease.hpp:
// kConnecting).
inline constexpr Time kReopened = 2 * kSecond;

// A follower that lost its place: it sees so by a tick, and asks twice.
inline constexpr Time kFollowerFinds = kTick + kAnswerTimeout + kPause;
// Every deadline is lifted once the collector is heard again, and a whole ttl later a follower that
// lost its place asks whether the evidence reaches far enough.
inline Time lifted(const Shape& shape) {
    return kProbe + kCaution + kReopened + shape.ttl_max + kFollowerFinds;
}
// A sink that failed is tried twice.
inline constexpr Time kSinkTried = 2 * kPause;
// A tracker that starts gives everyone a whole ttl (tracker/evidence/restarts.hpp).
inline Time started(const Shape& shape) {
    return shape.ttl_max + kSecond;
}
// Behind the last fault: all of the above, a second of turns and links, and an edge's last user.
inline Time all_faults(const Shape& shape) {
    return lifted(shape) + kSecond + edge_lost_after(shape);
}
// What ends in the rest of the run is told before it is over.
inline Time rest_over(const Shape& shape) {
    return shape.ttl_max + 2 * kSecond;
}

}  // namespace presence::simulation::tolerances
