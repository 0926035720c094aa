#include "tracker/evidence/feeds.hpp"

#include <algorithm>

#include "common/bugs.hpp"

namespace presence::tracker {

Feeds::Feeds(std::string tracker, const SlotMap& map, Duration max, Instant now)
    : tracker_(std::move(tracker)), max_(max), turned_(now), complete_since_(now) {
    adopt(map);
}

void Feeds::adopt(const SlotMap& map) {
    rank_ = presence::rank_of(map);
    own_ = slots_owned(map, tracker_);
    remember(rank_, own_);
}

void Feeds::remember(const ListRank& rank, const SlotSet& slots) {
    lists_.emplace_front(rank, slots);
    if (lists_.size() > kListsMax) lists_.pop_back();
}

// A release that tells no hash is believed that its list is ours if the version is.
bool Feeds::same(const ListRank& rank) const {
    return rank == rank_ ||
           (rank.hash == 0 && (rank.version == rank_.version || rank.version == 0));
}

std::optional<SlotSet> Feeds::slots_of(const ListRank& rank, std::string_view list) {
    if (same(rank)) return own_;
    for (const auto& [known, slots] : lists_)
        if (known == rank) return slots;
    auto ids = decode_list(list);
    if (!ids) return std::nullopt;
    const auto map = SlotMap::rendezvous(rank.version, *std::move(ids));
    if (presence::rank_of(map) != rank) return std::nullopt;
    remember(rank, slots_owned(map, tracker_));
    return lists_.front().second;
}

void Feeds::on_frame(FailureDetector::RunId run, const ListRank& rank, std::string_view list,
                     Instant now) {
    const auto [it, fresh] = feeds_.try_emplace({std::string(run.collector), run.boot});
    auto& feed = it->second;
    if (!fresh && feed.rank == rank && feed.known) return;
    const auto slots = slots_of(rank, list);
    if (fresh || feed.rank != rank) feed.since = now;
    feed.rank = rank;
    feed.known = slots.has_value();
    feed.slots = slots.value_or(SlotSet{});
    lacked_ |= ~feed.slots;
}

SlotSet Feeds::turn(Instant now, Duration stopped, const FailureDetector& failure_detector) {
    const auto passed = now - std::exchange(turned_, now) - stopped;
    const auto before = std::exchange(missing_, {});
    for (const auto& [run, feed] : feeds_) {
        const auto lacks = own_ & ~feed.slots;
        if (lacks.any() && failure_detector.holds({run.first, run.second})) missing_ |= lacks;
    }
    if (bug(Bug::lists_ignored)) missing_.reset();
    if (feeds_.size() > kFeedsMax) forget_strangers(failure_detector);
    const auto again = (before | std::exchange(lacked_, {})) & own_ & ~missing_;
    if (missing_.none() && (before.any() || again.any())) complete_since_ = now;
    if (missing_.any() || before.any())
        for (std::size_t slot = 0; slot < kSlots; ++slot)
            lacked_for_[slot] =
                missing_[slot] && before[slot] ? lacked_for_[slot] + passed : Duration{0};
    return bug(Bug::fed_again_not_lifted) ? SlotSet{} : again;
}

void Feeds::forget_strangers(const FailureDetector& failure_detector) {
    std::erase_if(feeds_, [&](const auto& it) {
        return !failure_detector.holds({it.first.first, it.first.second});
    });
}

Freshness Feeds::freshness_of(Slot slot) const {
    if (!missing_[slot]) return Freshness::live;
    return lacked_for_[slot] >= max_ ? Freshness::stale : Freshness::frozen;
}

Freshness Feeds::freshness() const {
    if (missing_.none()) return Freshness::live;
    return used_up() ? Freshness::stale : Freshness::frozen;
}

Duration Feeds::left() const {
    return std::max(max_ - std::ranges::max(lacked_for_), Duration{0});
}

std::optional<ListRank> Feeds::rank_of(FailureDetector::RunId run) const {
    const auto it = feeds_.find({std::string(run.collector), run.boot});
    if (it == feeds_.end()) return std::nullopt;
    return it->second.rank;
}

bool Feeds::goes_by_another(FailureDetector::RunId run) const {
    const auto rank = rank_of(run);
    return rank && !same(*rank);
}

std::vector<Feeds::Differs> Feeds::differing(const FailureDetector& failure_detector) const {
    std::vector<Differs> all;
    for (const auto& [run, feed] : feeds_)
        if (!same(feed.rank) && failure_detector.holds({run.first, run.second}))
            all.push_back({run.first, feed.rank, feed.since, (own_ & ~feed.slots).count()});
    return all;
}

}  // namespace presence::tracker
