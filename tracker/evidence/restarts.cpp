#include "tracker/evidence/restarts.hpp"

#include <algorithm>
#include <utility>

namespace presence::tracker {

void Restarts::resume(std::vector<Start> starts) {
    if (starts.size() <= kStartsMax) starts_ = std::move(starts);
}

void Restarts::begin(Instant now) {
    const bool first = starts_.empty() || starts_.back().at > now;
    if (first) starts_.clear();
    const auto gap = first ? kEver : now - starts_.back().at;
    while (!starts_.empty() && starts_.back().gap <= gap)
        starts_.pop_back();
    starts_.push_back({now, gap});
    if (starts_.size() > kStartsMax) starts_.erase(starts_.begin() + 1);
}

Instant Restarts::held_until(Instant seen, Duration ttl) const {
    const auto now = starts_.back().at;
    auto series = now;
    for (auto start = starts_.rbegin(); start != starts_.rend(); ++start) {
        series = start->at;
        if (start->gap >= ttl) break;
    }
    const double share =
        std::max(1.0, static_cast<double>(max_.count()) / static_cast<double>(timeout_.count()));
    const Duration longer{static_cast<Duration::rep>(share * static_cast<double>(ttl.count()))};
    return std::min(now, std::max(series, seen) + longer) + ttl;
}

}  // namespace presence::tracker
