#include "notifier/follower.hpp"

#include <algorithm>
#include <utility>

#include "notifier/follower_tracker.hpp"

namespace presence::notifier {

struct Follower::Impl {
    FollowerOptions options;
    SlotMap map;
    FollowedTotals totals;
    std::vector<FollowedTracker> trackers;

    Impl(FollowerOptions o, SlotMap m, Instant now) : options(std::move(o)), map(std::move(m)) {
        totals.users_max = options.users_max;
        totals.departures_max = options.departures_max;
        for (std::size_t i = 0; i < options.trackers.size(); ++i)
            trackers.emplace_back(options, i, owned_by(i), now);
    }

    [[nodiscard]] std::vector<Slot> owned_by(std::size_t tracker) const {
        const auto in_map =
            std::find(map.trackers.begin(), map.trackers.end(), options.trackers[tracker]);
        if (in_map == map.trackers.end()) return {};
        return map.slots_of(static_cast<std::size_t>(in_map - map.trackers.begin()));
    }

    [[nodiscard]] const FollowedSlot* slot(Slot slot) const {
        for (const auto& tracker : trackers)
            if (const auto* found = tracker.slot(slot)) return found;
        return nullptr;
    }
};

Follower::Follower(FollowerOptions options, SlotMap map, Instant now)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(map), now)) {}
Follower::~Follower() = default;
Follower::Follower(Follower&&) noexcept = default;

void Follower::on_batch(std::size_t tracker, std::string_view bytes, Instant now) {
    auto batch = decode_batch(bytes);
    if (!batch || batch->tracker != impl_->options.trackers[tracker]) {
        ++impl_->totals.stats.refused;
        return;
    }
    impl_->trackers[tracker].on_batch(*batch, now, impl_->totals);
}

void Follower::on_tick(std::size_t tracker, std::string_view bytes, Instant now) {
    const auto tick = decode_tick(bytes);
    if (!tick || tick->tracker != impl_->options.trackers[tracker]) {
        ++impl_->totals.stats.refused;
        return;
    }
    impl_->trackers[tracker].on_tick(*tick, now, impl_->totals);
}

void Follower::on_answer(std::size_t tracker, std::string_view bytes, Instant now) {
    auto answer = decode_answer(bytes);
    if (!answer) {
        ++impl_->totals.stats.refused;
        return;
    }
    impl_->trackers[tracker].on_answer(*answer, now, impl_->totals);
}

void Follower::end_turn(Instant now, WallOffset wall, std::vector<Event>& events,
                        std::vector<Question>& questions) {
    for (auto& tracker : impl_->trackers)
        tracker.end_turn(now, wall, impl_->totals, questions);
    auto& handed_out = impl_->totals.handed_out;
    impl_->totals.stats.events += handed_out.size();
    std::move(handed_out.begin(), handed_out.end(), std::back_inserter(events));
    handed_out.clear();
}

Instant Follower::next_wakeup() const {
    auto wakeup = Instant::max();
    for (const auto& tracker : impl_->trackers)
        wakeup = std::min(wakeup, tracker.next_wakeup());
    return wakeup;
}

void Follower::each_online(const std::function<void(const Event&)>& fn) const {
    for (const auto& tracker : impl_->trackers)
        tracker.each_slot([&](const FollowedSlot& slot) { slot.each(fn); });
}

const Event* Follower::find(std::string_view user) const {
    const auto* slot = impl_->slot(slot_of(hash_of(user)));
    return slot == nullptr ? nullptr : slot->find(user);
}

bool Follower::in_step() const {
    return std::all_of(impl_->trackers.begin(), impl_->trackers.end(),
                       [](const auto& tracker) { return tracker.in_step(); });
}

Follower::Stats Follower::stats() const {
    auto stats = impl_->totals.stats;
    stats.online = impl_->totals.users;
    return stats;
}

}  // namespace presence::notifier
