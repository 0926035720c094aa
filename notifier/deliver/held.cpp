#include "notifier/deliver/held.hpp"

#include <algorithm>
#include <utility>

namespace presence::notifier {

Held::Held(Duration delay, const std::vector<std::string>& trackers, const SlotMap& map)
    : delay_(delay), clocks_(trackers.size()), queues_(trackers.size()) {
    for (std::size_t i = 0; i < trackers.size(); ++i) {
        const auto at = std::ranges::find(map.trackers, trackers[i]) - map.trackers.begin();
        for (const auto slot : map.slots_of(static_cast<std::size_t>(at)))
            tracker_of_[slot] = static_cast<std::uint16_t>(i);
    }
}

void Held::on_change(Change& change) {
    const auto& event = change.event;
    if (event.user.empty()) return;
    const auto& users = shards_[shard_of(event.slot)];
    const auto known = users.find(event.user);
    if (event.state == State::online) {
        if (known == users.end()) return;
        change.told = known->second.status != event.status;
        ++returned_;
        forget(event.user, event.slot);
    } else if ((change.told || known != users.end()) && delay_ > Duration{}) {
        // Of one who is held already it says, where only the newest is told, that they were back.
        const auto& status = known != users.end() ? known->second.status : change.was_status;
        HeldOffline held{event, status, clock_ms(tracker_of_[event.slot])};
        change.told = false;
        new_.push_back(event.user);
        put(std::move(held));
    }
}

void Held::put(HeldOffline held) {
    const auto user = held.event.user;
    const auto slot = held.event.slot;
    forget(user, slot);
    queues_[tracker_of_[slot]].emplace(held.since_ms, user);
    shards_[shard_of(slot)].emplace(user, std::move(held));
    ++size_;
}

void Held::forget(const std::string& user, Slot slot) {
    auto& users = shards_[shard_of(slot)];
    const auto known = users.find(user);
    if (known == users.end()) return;
    queues_[tracker_of_[slot]].erase({known->second.since_ms, user});
    users.erase(known);
    --size_;
}

void Held::turn(std::size_t tracker, Instant now, bool heard) {
    auto& clock = clocks_[tracker];
    if (heard && clock.turned != Instant::min())
        clock.time += std::min<Duration>(now - clock.turned, kTurnMax);
    clock.turned = now;
    clock.runs = heard;
}

bool Held::is_due(std::size_t tracker) const {
    const auto& queue = queues_[tracker];
    return !queue.empty() &&
           clocks_[tracker].time >= std::chrono::milliseconds(queue.begin()->first) + 1ms + delay_;
}

bool Held::is_due() const {
    for (std::size_t i = 0; i < queues_.size(); ++i)
        if (is_due(i)) return true;
    return false;
}

std::vector<Change> Held::take_due() {
    std::vector<Change> due;
    for (std::size_t i = 0; i < queues_.size(); ++i)
        while (is_due(i)) {
            const auto user = queues_[i].begin()->second;
            const auto slot = slot_of(hash_of(user));
            auto& held = shards_[shard_of(slot)].find(user)->second;
            due.push_back({std::move(held.event), true, true, std::move(held.status)});
            forget(user, slot);
        }
    return due;
}

Instant Held::next_wakeup() const {
    auto wakeup = Instant::max();
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        if (queues_[i].empty() || !clocks_[i].runs) continue;
        const auto at = std::chrono::milliseconds(queues_[i].begin()->first) + 1ms + delay_;
        wakeup =
            std::min(wakeup, clocks_[i].turned + std::max<Duration>(at - clocks_[i].time, 1ms));
    }
    return wakeup;
}

std::vector<HeldOffline> Held::take_new() {
    std::vector<HeldOffline> all;
    std::sort(new_.begin(), new_.end());
    new_.erase(std::unique(new_.begin(), new_.end()), new_.end());
    for (const auto& user : std::exchange(new_, {})) {
        const auto& users = shards_[shard_of(slot_of(hash_of(user)))];
        if (const auto held = users.find(user); held != users.end()) all.push_back(held->second);
    }
    return all;
}

std::vector<HeldOffline> Held::of_shard(std::uint32_t shard) const {
    std::vector<HeldOffline> all;
    for (const auto& [user, held] : shards_[shard])
        all.push_back(held);
    return all;
}

void Held::restore_clock(std::size_t tracker, std::optional<std::int64_t> clock_ms) {
    clocks_[tracker].time = std::chrono::milliseconds(clock_ms.value_or(0));
    auto& queue = queues_[tracker];
    queue.clear();
    for (auto& users : shards_)
        for (auto& [user, held] : users) {
            if (tracker_of_[held.event.slot] != tracker) continue;
            if (!clock_ms || held.since_ms > *clock_ms) held.since_ms = clock_ms.value_or(0);
            queue.emplace(held.since_ms, user);
        }
}

}  // namespace presence::notifier
