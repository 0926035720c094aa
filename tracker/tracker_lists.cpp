// Which slots are a tracker's: by a list that it takes over, and above which epochs they begin.
#include <algorithm>
#include <utility>

#include "common/bugs.hpp"
#include "tracker/tracker_impl.hpp"

namespace presence::tracker {

void Tracker::Impl::begin(const SlotSet& slots, std::int64_t unix_ms) {
    const auto known = epoch_known;
    for (std::uint32_t s = 0; s < kSlots; ++s) {
        if (!slots[s]) continue;
        const auto slot = static_cast<Slot>(s);
        const auto above = bug(Bug::epoch_unheard) ? publisher.stream(slot).epoch
                                                   : std::max(known, publisher.stream(slot).epoch);
        publisher.begin(slot, make_epoch(unix_ms, options.tracker, above));
        epoch_known = std::max(epoch_known, publisher.stream(slot).epoch);
    }
}

// Another machine's clock may be ahead, and a slot of ours have been its: whoever knows an epoch of
// then would take ours for old. A run raises its own once at most, before it knows much: two
// trackers would drive each other on for ever. So it does for each new run of a collector, which
// may have fed another. Slots that are taken later begin above all heard.
void Tracker::Impl::hear_epoch(FailureDetector::RunId run, Epoch epoch, Instant now) {
    const bool higher = is_plausible(epoch) && epoch > epoch_known;
    if (higher) epoch_known = epoch;
    const bool begins = !feeds.rank_of(run);
    const bool early = higher && !raised && !(warm_at && now >= *warm_at);
    if ((!begins && !early) || bug(Bug::epoch_unheard)) return;
    raised = raised || early;
    raise(slots_owned(map, options.tracker));
}

void Tracker::Impl::raise(SlotSet slots) {
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        if (publisher.stream(static_cast<Slot>(slot)).epoch >= epoch_known) slots.reset(slot);
    begin(slots, options.started_unix_ms);
}

void Tracker::Impl::look_at_feeds(Instant now) {
    const auto fed_again = feeds.turn(now, time.stopped(), failure_detector);
    roster.hold(feeds.missing());
    if (fed_again.any()) {
        roster.lift(fed_again, now);
        // Who was fed meanwhile may have told events of higher epochs.
        if (!bug(Bug::epoch_unheard)) raise(fed_again);
        taken_last = now;
        for (std::size_t slot = 0; slot < kSlots; ++slot)
            if (fed_again[slot]) taken[slot] = now;
    }
}

// Of a slot that came lately, or was not fed for a while, who is missing is unknown for a timeout.
Freshness Tracker::Impl::freshness_of(Slot slot, Instant now) const {
    const bool lately = now < taken[slot] + options.timeout;
    return std::max(
        {freshness_fed, feeds.freshness_of(slot), lately ? Freshness::warming : Freshness::live});
}

void Tracker::adopt(SlotMap map, std::vector<TrackerConfig> trackers, Instant now,
                    std::int64_t unix_ms) {
    auto& i = *impl_;
    const auto owned = slots_owned(i.map, i.options.tracker);
    i.map = std::move(map);
    i.options.trackers = std::move(trackers);
    i.self = Impl::index_of(i.map, i.options.tracker);
    i.feeds.adopt(i.map);
    SlotSet won;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        const bool owns = i.owns(slot);
        if (owned[slot] && !owns) {
            i.roster.drop(static_cast<Slot>(slot));
            i.first_states.push_back(static_cast<Slot>(slot));  // empty from now on
        }
        if (owned[slot] || !owns) continue;
        won.set(slot);
        i.taken[slot] = i.taken_last = now;
        if (!i.has_state[slot]) i.first_states.push_back(static_cast<Slot>(slot));
    }
    i.begin(won, unix_ms);
    // What was read of their users, and came here before, was refused.
    if (!bug(Bug::fed_again_not_lifted)) i.roster.lift(won, now);
}

void Tracker::expect(const std::vector<CollectorConfig>& collectors, Instant now) {
    std::vector<std::string> ids;
    for (const auto& collector : collectors)
        ids.push_back(collector.id);
    impl_->failure_detector.expect(ids, now);
}

}  // namespace presence::tracker
