#include "tracker/roster/tombstones.hpp"

#include "common/bugs.hpp"
#include "common/slots.hpp"

namespace presence::tracker {

std::uint64_t Tombstones::key(std::uint64_t user_hash, std::string_view edge,
                              std::string_view session) {
    // Any good mixing serves; this is the finaliser of MurmurHash3 (Appleby, 2008).
    const auto mix = [](std::uint64_t h) {
        h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdull;
        h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ull;
        return h ^ (h >> 33);
    };
    const auto edge_hash = edge.empty() ? 0 : hash_of(edge);
    return mix(mix(mix(user_hash) + edge_hash) + hash_of(session));
}

void Tombstones::remember(std::uint64_t key, Bye bye) {
    const auto [it, added] = byes_.try_emplace(key, bye);
    if (!added && it->second.at >= bye.at) return;
    it->second = bye;
    order_.push_back({key, bye.at});
    if (order_.size() > max_) forget_oldest();
}

std::optional<Tombstones::Bye> Tombstones::covering(std::uint64_t key, Tick at) const {
    const auto it = byes_.find(key);
    if (it == byes_.end() || bug(Bug::revived_after_bye)) return std::nullopt;
    const auto until = it->second.at + memory_;
    // The queue is in order of arrival, so an entry may outstay its time in it.
    if (at > until || until < event_time_) return std::nullopt;
    return it->second;
}

void Tombstones::forget_before(Tick event_time) {
    event_time_ = event_time;
    while (!order_.empty() && order_.front().at + memory_ < event_time)
        forget_oldest();
}

void Tombstones::forget_oldest() {
    const auto oldest = order_.front();
    order_.pop_front();
    const auto it = byes_.find(oldest.key);
    if (it != byes_.end() && it->second.at == oldest.at) byes_.erase(it);
}

}  // namespace presence::tracker
