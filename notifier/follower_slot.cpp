#include "notifier/follower_slot.hpp"

#include <algorithm>

#include "common/limits.hpp"
#include "common/text.hpp"

namespace presence::notifier {

namespace {

Position position_of(const Event& event) {
    return {event.epoch, event.seq};
}

}  // namespace

bool FollowedSlot::acceptable(std::string_view user,
                              const std::optional<std::string>& status) const {
    return check_text(user, kUserBytesMax) == TextFault::none && slot_of(hash_of(user)) == slot_ &&
           (!status || check_text(*status, kNameBytesMax) == TextFault::none);
}

FollowedSlot::Run FollowedSlot::apply(SlotEvents& run, FollowedTotals& totals) {
    if (run.epoch == 0 || run.epoch >= kPositionMax || run.first_seq == 0 ||
        run.first_seq >= kPositionMax || run.events.empty()) {
        ++totals.stats.refused;
        return Run::refused;
    }
    if (run.epoch < position_.epoch) {
        ++totals.stats.out_of_date;
        return Run::epoch_low;
    }
    auto result = Run::next;
    if (run.epoch > position_.epoch) {
        result = Run::epoch_rose;
        position_ = {run.epoch, 0};
    } else if (run.first_seq > position_.seq + 1) {
        result = Run::gap;
    }
    const auto last = run.first_seq + run.events.size() - 1;
    if (last <= position_.seq) {
        totals.stats.duplicates += run.events.size();
        return Run::known;
    }
    for (std::size_t i = 0; i < run.events.size(); ++i) {
        auto& event = run.events[i];
        event.slot = slot_;
        event.epoch = run.epoch;
        event.seq = run.first_seq + i;
        if (event.seq <= position_.seq) {
            ++totals.stats.duplicates;
        } else if (!acceptable(event.user, event.status)) {
            ++totals.stats.refused;
        } else if (event.state == State::online) {
            apply_online(event, totals);
        } else {
            apply_offline(event, totals);
        }
    }
    position_.seq = last;
    return result;
}

void FollowedSlot::apply_online(Event& event, FollowedTotals& totals) {
    const auto known = users_.find(std::string_view(event.user));
    if (known == users_.end() && totals.users >= totals.users_max) {
        ++totals.stats.users_limit;
        return;
    }
    // A tracker that began anew tells everyone online once more.
    if (known != users_.end() && known->status == event.status) {
        ++totals.stats.duplicates;
    } else {
        totals.handed_out.push_back(event);
    }
    store(std::move(event), totals);
}

void FollowedSlot::apply_offline(Event& event, FollowedTotals& totals) {
    const auto known = users_.find(std::string_view(event.user));
    // In a slot not compared yet nobody is known to be offline, so that is news once.
    const bool news = known != users_.end() || (!compared_ && !departures_.contains(event.user));
    if (known != users_.end()) {
        users_.erase(known);
        --totals.users;
    }
    if (asking_ || !compared_) remember_departure(event, totals);
    if (news)
        totals.handed_out.push_back(std::move(event));
    else
        ++totals.stats.duplicates;
}

void FollowedSlot::store(Event event, FollowedTotals& totals) {
    const auto known = users_.find(std::string_view(event.user));
    if (known == users_.end()) {
        users_.insert(std::move(event));
        ++totals.users;
        return;
    }
    auto node = users_.extract(known);
    node.value() = std::move(event);
    users_.insert(std::move(node));
}

void FollowedSlot::remember_departure(const Event& event, FollowedTotals& totals) {
    if (const auto known = departures_.find(event.user); known != departures_.end()) {
        known->second = position_of(event);
        return;
    }
    if (totals.departures >= totals.departures_max) {
        forget_departures(totals);
        spoiled_ = asking_;
        return;
    }
    departures_.emplace(event.user, position_of(event));
    ++totals.departures;
}

void FollowedSlot::forget_departures(FollowedTotals& totals) {
    totals.departures -= departures_.size();
    departures_.clear();
}

void FollowedSlot::question_ends(FollowedTotals& totals) {
    asking_ = false;
    spoiled_ = false;
    if (compared_) forget_departures(totals);
}

FollowedSlot::Compared FollowedSlot::compare(SnapshotAnswer& snapshot, Freshness freshness,
                                             std::int64_t now_ms, FollowedTotals& totals) {
    const Position at{snapshot.epoch, snapshot.seq};
    if (at.epoch < position_.epoch) {
        ++totals.stats.out_of_date;
        return {true, 0};
    }
    Event difference;
    difference.reason = name_of(Reason::reconcile);
    difference.at_ms = now_ms;
    difference.freshness = freshness;
    difference.slot = slot_;
    difference.epoch = at.epoch;
    difference.seq = at.seq;
    difference.reconciled = true;

    std::unordered_set<std::string_view> present;
    present.reserve(snapshot.users.size());
    for (auto& user : snapshot.users) {
        if (!acceptable(user.user, user.status)) {
            ++totals.stats.refused;
            continue;
        }
        present.insert(user.user);
        compare_present(user, difference, totals);
    }
    Compared result;
    result.uncovered_ms = compare_absent(present, snapshot.covers_ms, difference, totals);
    position_ = std::max(position_, at);
    compared_ = true;
    ++totals.stats.snapshots;
    return result;
}

void FollowedSlot::compare_present(SnapshotAnswer::User& user, const Event& difference,
                                   FollowedTotals& totals) {
    const Position at = position_of(difference);
    const auto known = users_.find(std::string_view(user.user));
    if (known != users_.end() && position_of(*known) > at) return;
    if (const auto left = departures_.find(user.user);
        left != departures_.end() && left->second > at)
        return;
    if (known == users_.end() && totals.users >= totals.users_max) {
        ++totals.stats.users_limit;
        return;
    }
    const bool news = known == users_.end() || known->status != user.status;
    Event event = news ? difference : *known;
    if (known == users_.end()) event.at_ms = user.since_ms;
    event.user = user.user;
    event.state = State::online;
    event.since_ms = user.since_ms;
    event.last_seen_ms = user.last_seen_ms;
    event.ttl_ms = user.ttl_ms;
    event.status = std::move(user.status);
    if (news) {
        totals.handed_out.push_back(event);
        ++totals.stats.reconciled;
    }
    store(std::move(event), totals);
}

std::uint32_t FollowedSlot::compare_absent(const std::unordered_set<std::string_view>& present,
                                           std::uint64_t covers_ms, const Event& difference,
                                           FollowedTotals& totals) {
    std::uint32_t uncovered_ms = 0;
    for (auto known = users_.begin(); known != users_.end();) {
        if (present.contains(known->user) || position_of(*known) > position_of(difference)) {
            ++known;
        } else if (known->ttl_ms > covers_ms) {
            const auto missing = static_cast<std::uint32_t>(known->ttl_ms - covers_ms);
            uncovered_ms = uncovered_ms == 0 ? missing : std::min(uncovered_ms, missing);
            ++known;
        } else {
            Event event = difference;
            event.state = State::offline;
            event.user = known->user;
            event.since_ms = known->since_ms;
            event.last_seen_ms = known->last_seen_ms;
            event.ttl_ms = known->ttl_ms;
            totals.handed_out.push_back(std::move(event));
            ++totals.stats.reconciled;
            --totals.users;
            known = users_.erase(known);
        }
    }
    return uncovered_ms;
}

const Event* FollowedSlot::find(std::string_view user) const {
    const auto known = users_.find(user);
    return known == users_.end() ? nullptr : &*known;
}

void FollowedSlot::each(const std::function<void(const Event&)>& fn) const {
    for (const auto& event : users_)
        fn(event);
}

}  // namespace presence::notifier
