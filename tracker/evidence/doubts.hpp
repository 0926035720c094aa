#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>

#include "tracker/evidence/tick.hpp"

namespace presence::tracker {

// Whose session was ended although it may have been heard: the bound of holds was reached, and what
// would hold it may only be late, or lost. Until when that would, decides whether what is told of
// its user is `stale`: of one who is gone at once, and of one who lives on by another session.
//
// Pure. Memory: a user who lives on, until it does not matter any more or they are forgotten.
class Doubts {
public:
    static constexpr Tick kNone = std::numeric_limits<Tick>::min();

    // A session of theirs that may hold them until then was ended at `event_time`.
    void keep(std::uint32_t user, Tick until, Tick event_time) {
        newest_ = std::max(newest_, until);
        if (until_.size() >= prune_at_) {
            std::erase_if(until_, [&](const auto& one) { return one.second <= event_time; });
            prune_at_ = 2 * until_.size() + kPruneMin;
        }
        auto& kept = until_.try_emplace(user, until).first->second;
        kept = std::max(kept, until);
    }
    [[nodiscard]] Tick of(std::uint32_t user) const {
        const auto it = until_.find(user);
        return it == until_.end() ? kNone : it->second;
    }
    void forget(std::uint32_t user) { until_.erase(user); }
    // Beyond it nobody is in doubt.
    [[nodiscard]] Tick newest() const { return newest_; }

private:
    static constexpr std::size_t kPruneMin = 1'024;

    std::unordered_map<std::uint32_t, Tick> until_;
    std::size_t prune_at_ = kPruneMin;
    Tick newest_ = kNone;
};

}  // namespace presence::tracker
