#include "common/follow/follower.hpp"

#include <algorithm>
#include <utility>

#include "common/follow/tracker_stream.hpp"
#include "common/wire/tracker_list.hpp"

namespace presence {

struct Follower::Impl {
    FollowerOptions options;
    SlotMap map;
    HandedOut out;
    std::vector<TrackerStream> trackers;

    Impl(FollowerOptions o, SlotMap m) : options(std::move(o)), map(std::move(m)) {
        out.users_max = options.users_max;
        out.user_prefix = options.user_prefix;
        options.list = text_of(rank_of(map));
        for (std::size_t i = 0; i < options.trackers.size(); ++i)
            trackers.emplace_back(options, i, owned_by(i));
    }

    [[nodiscard]] std::vector<Slot> owned_by(std::size_t tracker) const {
        // Past the end if it is not in the map: then it owns nothing.
        const auto in_map =
            std::find(map.trackers.begin(), map.trackers.end(), options.trackers[tracker]);
        return map.slots_of(static_cast<std::size_t>(in_map - map.trackers.begin()));
    }

    [[nodiscard]] Ledger* ledger(Slot slot) {
        for (auto& tracker : trackers)
            if (auto* const found = tracker.ledger(slot)) return found;
        return nullptr;
    }
};

Follower::Follower(FollowerOptions options, SlotMap map)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(map))) {}
Follower::~Follower() = default;
Follower::Follower(Follower&&) noexcept = default;

void Follower::on_batch(std::size_t tracker, const Batch& batch, Instant now) {
    impl_->trackers[tracker].on_batch(batch, now, impl_->out);
}

void Follower::on_tick(std::size_t tracker, const Tick& tick, Instant now) {
    impl_->trackers[tracker].on_tick(tick, now);
}

void Follower::on_answer(std::size_t tracker, const Answer& answer, Instant now, WallOffset wall) {
    impl_->trackers[tracker].on_answer(answer, now, wall, impl_->out);
}

void Follower::end_turn(Instant now, WallOffset wall, std::vector<Change>& changes,
                        std::vector<Question>& questions) {
    for (auto& tracker : impl_->trackers)
        tracker.end_turn(now, wall, impl_->out, questions);
    auto& handed_out = impl_->out.changes;
    std::move(handed_out.begin(), handed_out.end(), std::back_inserter(changes));
    handed_out.clear();
}

Instant Follower::next_wakeup() const {
    auto wakeup = Instant::max();
    for (const auto& tracker : impl_->trackers)
        wakeup = std::min(wakeup, tracker.next_wakeup());
    return wakeup;
}

Event Follower::state_of(const std::string& user, std::int64_t now_ms) const {
    const auto* const ledger = impl_->ledger(slot_of(hash_of(user)));
    const auto* const told = ledger == nullptr ? nullptr : ledger->find(user);
    const Ledger nobodys(slot_of(hash_of(user)));
    auto event = (ledger == nullptr ? nobodys : *ledger)
                     .difference(user, told == nullptr ? Told{} : *told,
                                 told == nullptr ? State::offline : State::online,
                                 {0, Freshness::live, now_ms});
    if (told == nullptr) {
        event.since_ms.reset();
        event.last_seen_ms.reset();
    } else {
        event.at_ms = told->since_ms;
    }
    return event;
}

const Told* Follower::find(std::string_view user) const {
    const auto* const ledger = impl_->ledger(slot_of(hash_of(user)));
    return ledger == nullptr ? nullptr : ledger->find(user);
}

bool Follower::in_step() const {
    return std::all_of(impl_->trackers.begin(), impl_->trackers.end(),
                       [](const auto& tracker) { return tracker.in_step(); });
}

bool Follower::in_step(std::size_t tracker) const {
    return impl_->trackers[tracker].in_step();
}

bool Follower::catching_up() const {
    return std::any_of(impl_->trackers.begin(), impl_->trackers.end(),
                       [](const auto& tracker) { return tracker.catching_up(); });
}

Cursor Follower::cursor(std::size_t tracker) const {
    return impl_->trackers[tracker].cursor();
}

std::vector<Slot> Follower::open_slots(std::size_t tracker) const {
    return impl_->trackers[tracker].open_slots();
}

bool Follower::settled(std::size_t tracker) const {
    return impl_->trackers[tracker].settled();
}

void Follower::each_ledger(const std::function<void(const Ledger&)>& fn) const {
    for (const auto& tracker : impl_->trackers)
        tracker.each_ledger(fn);
}

const Ledger* Follower::ledger(Slot slot) const {
    return impl_->ledger(slot);
}

void Follower::restore(std::size_t tracker, Cursor cursor, const std::vector<Slot>& open_slots) {
    impl_->trackers[tracker].restore(cursor, open_slots);
}

void Follower::restore(Slot slot, Position position,
                       std::vector<std::pair<std::string, Told>> users) {
    if (auto* const ledger = impl_->ledger(slot))
        ledger->restore(position, std::move(users), impl_->out);
}

void Follower::redo(const Event& event) {
    if (auto* const ledger = impl_->ledger(event.slot)) ledger->redo(event, impl_->out);
}

FollowCounters Follower::counters() const {
    auto sum = impl_->out.counters;
    for (const auto& tracker : impl_->trackers)
        sum += tracker.counters();
    return sum;
}

const std::string& Follower::user_prefix() const {
    return impl_->options.user_prefix;
}

std::uint64_t Follower::online() const {
    return impl_->out.users;
}

}  // namespace presence
