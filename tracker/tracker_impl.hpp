#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/bugs.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/query.hpp"
#include "tracker/answers/answers.hpp"
#include "tracker/answers/snapshots.hpp"
#include "tracker/evidence/acks.hpp"
#include "tracker/evidence/event_time.hpp"
#include "tracker/evidence/failure_detector.hpp"
#include "tracker/evidence/feeds.hpp"
#include "tracker/evidence/restarts.hpp"
#include "tracker/roster/roster.hpp"
#include "tracker/stream/checkpoints.hpp"
#include "tracker/stream/notifier_ids.hpp"
#include "tracker/stream/publisher.hpp"
#include "tracker/stream/subscriptions.hpp"
#include "tracker/tracker.hpp"

namespace presence::tracker {

inline constexpr Duration kTickInterval = 1s;
// A tracker that hears nothing wakes for ticks only, and has not been stopped for it.
static_assert(EventTime::kStall >= 2 * kTickInterval);
// However many subscribe, one tick is for all of them.
inline constexpr Duration kTickIntervalMin = 20ms;

// A tracker's parts, and what becomes of a turn.
struct Tracker::Impl {
    struct Asked {
        std::string peer;
        std::variant<Query, QueryError> query;
    };

    Impl(TrackerOptions o, SlotMap m, Instant now)
        : options(std::move(o)),
          map(std::move(m)),
          self(index_of(map, options.tracker)),
          failure_detector(options.collector_grace, options.collectors_expected, now),
          feeds(options.tracker, map, options.freeze_max, now),
          time(options.freeze_max, now),
          restarts(options.freeze_max, options.timeout),
          roster({.users_max = options.users_max,
                  .edge_timeout = options.edge_timeout,
                  .edge_grace = options.edge_grace,
                  .hold_max = options.freeze_max,
                  .edge_lost_rate = options.edge_lost_rate},
                 now),
          publisher(options.tracker, options.boot),
          started(now),
          ticked(now - kTickInterval) {
        taken.fill(now);
        // What an earlier run was told is gone: a user known only by an older heartbeat that came
        // late may have had a newer one.
        if (!bug(Bug::start_not_lifted)) roster.lift(now);
    }

    static std::optional<std::size_t> index_of(const SlotMap& map, const std::string& tracker) {
        const auto it = std::find(map.trackers.begin(), map.trackers.end(), tracker);
        if (it == map.trackers.end()) return std::nullopt;
        return static_cast<std::size_t>(it - map.trackers.begin());
    }
    [[nodiscard]] bool owns(std::size_t slot) const { return self && map.owner[slot] == *self; }
    // Slots, above every epoch that any follower can know as far as we have heard.
    void begin(const SlotSet& slots, std::int64_t unix_ms);
    void hear_epoch(FailureDetector::RunId run, Epoch epoch, Instant now);
    // Those of them that are not above all heard begin anew.
    void raise(SlotSet slots);
    // Holds the users of slots that are not fed, and lifts those that are again.
    void look_at_feeds(Instant now);
    // Of what is told of a slot's users now.
    [[nodiscard]] Freshness freshness_of(Slot slot, Instant now) const;

    void apply(const FrameHeader& header, Instant received, WallOffset wall);
    void apply_beats(WallOffset wall);
    void note_leases(const FrameHeader& header, Instant received);
    void note_sightings(const FrameHeader& header, Instant received);
    void refuse(std::string_view reason);
    // An answer that tells how far it may be trusted; its body is the caller's.
    [[nodiscard]] Answer heading(Instant now, WallOffset wall) const;
    void pass_time(Instant now);
    void acknowledge(Instant now, std::vector<ToPeer>& out);
    void tell_notifiers(Instant now, std::vector<Publication>& out);
    [[nodiscard]] std::vector<StatusAnswer::Shared> ids_shared(Instant now) const;
    void answer(Instant now, WallOffset wall, Output& out);
    void publish(Instant now, WallOffset wall, Output& out);
    void checkpoint(Instant now, WallOffset wall, Output& out);
    void write_state(Slot slot, WallOffset wall, Output& out);
    void tell_facts(bool ticks, Output& out);
    void resume(std::string_view facts, Instant now);
    [[nodiscard]] Answers answers(const TrackerCounters& current, Instant now, WallOffset wall);
    [[nodiscard]] bool restore(const Roster::Held& held);
    [[nodiscard]] bool restore_event(const Event& event, Instant now, WallOffset wall);
    // By all parts, and how they stand now.
    [[nodiscard]] TrackerCounters counted() const;
    [[nodiscard]] Instant next_tick() const;

    TrackerOptions options;
    SlotMap map;
    std::optional<std::size_t> self;
    FailureDetector failure_detector;
    Feeds feeds;
    EventTime time;
    Restarts restarts;
    Roster roster;
    Publisher publisher;
    Subscriptions subscriptions;
    NotifierIds notifier_ids;
    Snapshots snapshots;
    std::array<Instant, kSlots> taken{};  // since when their evidence is complete, or they are ours
    Instant taken_last{};
    Epoch epoch_known = 0;  // the highest of any slot, ours or another's
    Epoch epoch_told = 0;   // to the journal
    bool raised = false;    // our epochs, above those that others told
    // As if every collector went by our list.
    Freshness freshness_fed = Freshness::warming;
    // Of answers alone: who is not known may have been told offline in doubt.
    Freshness freshness_known = Freshness::live;
    std::uint64_t told_in_doubt = 0;
    Instant doubted_until{};
    std::optional<Instant> evidence;    // as far as it reaches
    std::optional<Instant> event_time;  // later than that while it runs on without
    std::optional<Instant> lifted_at;   // the last time
    std::optional<Instant> resumed;     // how far the run before had come
    std::optional<Instant> warm_at;
    Instant started;
    std::optional<Instant> disk_held;  // since when it cannot be written, or is too far behind
    Instant ticked;                    // the last one
    bool tick_wanted = false;
    bool more_due = false;
    Writing writing;
    Checkpoints checkpoints;
    std::array<bool, kSlots> has_state{};       // written at least once
    Answer state{SnapshotAnswer{}, {}, {}, 0};  // the last one written, for its room
    std::vector<Slot> first_states;             // to be written now
    std::vector<Slot> news;                     // scratch
    std::vector<Publication> first;             // of the run, for the next turn
    std::vector<std::string> collectors_told;
    std::map<std::string, Event> left_out;  // while a past is restored: that they are offline

    Frame frame;  // reused
    // Of the frame; so few that they are still in the cache when the roster reads them. Rows are
    // read right into their place: a copy of one just written waits until all its fields are.
    std::array<Beat, 128> beats;
    std::size_t beat_count = 0;
    std::vector<Event> events;  // of this turn
    Acks acks;
    std::deque<Asked> asked;  // oldest first
    Stats stats;
    TrackerCounters counters;  // beside the roster's
    std::optional<Refused> refused;
};

}  // namespace presence::tracker
