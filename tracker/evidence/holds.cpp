#include "tracker/evidence/holds.hpp"

#include <algorithm>

namespace presence::tracker {

void Holds::add(Tick from, Tick to) {
    if (!holds_.empty()) from = std::max(from, holds_.back().to);
    if (to <= from) return;
    if (!holds_.empty() && from == holds_.back().to)
        holds_.back().to = to;
    else
        holds_.push_back({from, to});
    std::erase_if(holds_, [&](const Hold& hold) { return hold.to <= to - kMemory; });
    if (holds_.size() <= kHoldsMax) return;
    holds_[1].from -= holds_[0].to - holds_[0].from;
    holds_.erase(holds_.begin());
}

Tick Holds::after(Tick t) const {
    Tick sum = 0;
    for (auto hold = holds_.rbegin(); hold != holds_.rend() && hold->to > t; ++hold)
        sum += hold->to - std::max(hold->from, t);
    return sum;
}

}  // namespace presence::tracker
