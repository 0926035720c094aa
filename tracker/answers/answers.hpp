#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "common/slots.hpp"
#include "common/time.hpp"
#include "common/wire/query.hpp"
#include "tracker/answers/snapshots.hpp"
#include "tracker/counters.hpp"
#include "tracker/evidence/event_time.hpp"
#include "tracker/evidence/feeds.hpp"
#include "tracker/options.hpp"
#include "tracker/roster/roster.hpp"
#include "tracker/staleness.hpp"
#include "tracker/stream/publisher.hpp"

namespace presence::tracker {

// Answers one question from what the tracker knows at the end of a turn. Pure; made anew each turn.
struct Answers {
    const TrackerOptions& options;
    const SlotMap& map;
    std::optional<std::size_t> self;  // our index in the map; none: we own nothing
    const Roster& roster;
    const Publisher& publisher;
    const FailureDetector& failure_detector;
    const Feeds& feeds;
    const EventTime& time;
    const std::array<Instant, kSlots>& taken;  // since when we own each slot
    Snapshots& snapshots;
    const TrackerStats& stats;
    const TrackerCounters& counters;
    Instant now;
    WallOffset wall;
    std::optional<Instant> evidence;  // as far as it reaches
    std::optional<Instant> event_time;
    std::optional<Instant> lifted_at;  // every deadline, the last time
    Instant started;
    const WritingState& writing;
    std::optional<Instant> disk_held;  // since when it fails, or too much waits for it
    std::function<Freshness(Slot)> freshness_of;

    [[nodiscard]] Answer operator()(const Query& query) const;
    // What timeouts wait for.
    [[nodiscard]] std::vector<StatusAnswer::Hold> holds() const;
    // A slot as it is now, with all its users.
    // Into one whose room is used again.
    void whole(Slot slot, SnapshotAnswer& into) const;

private:
    [[nodiscard]] bool owns(Slot slot) const { return self && map.owner[slot] == *self; }
    [[nodiscard]] QueryError moved(Slot slot) const;
    [[nodiscard]] std::uint64_t covers_ms(Slot slot) const;
    // Of what is asked about, and not more.
    [[nodiscard]] Freshness freshness(const Query& query) const;

    using Body = decltype(Answer::body);
    [[nodiscard]] Body body(const GetQuery& query) const;
    [[nodiscard]] Body body(const CountQuery& query) const;
    [[nodiscard]] Body body(const ListQuery& query) const;
    [[nodiscard]] Body body(const MapQuery& query) const;
    [[nodiscard]] Body body(const StatusQuery& query) const;
    [[nodiscard]] Body body(const SnapshotQuery& query) const;
    [[nodiscard]] Body body(const ReplayQuery& query) const;
};

}  // namespace presence::tracker
