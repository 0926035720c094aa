#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <unordered_map>

#include "tracker/evidence/tick.hpp"

namespace presence::tracker {

// Who may be told offline although a heartbeat was read, because a lift was refused: whoever's last
// heartbeat lies before that may have had another since, which was swallowed, and be held by it.
// Of users who live on, by another session, it is remembered.
//
// Pure. Memory: a user whose session ended in doubt, until they are forgotten or a later lift is
// refused when it is over.
class Doubts {
public:
    static constexpr Tick kNone = std::numeric_limits<Tick>::min();

    // A lift was refused at `now`, at which event time was `event_time`.
    void refuse(Tick now, Tick event_time) {
        std::erase_if(until_, [&](const auto& one) { return one.second <= event_time; });
        refused_ = now;
    }
    // Until when what may have been swallowed would hold a session that was read last at `read`,
    // if it holds for `length`.
    [[nodiscard]] Tick until(Tick read, Tick length) const {
        return read < refused_ ? refused_ + length : kNone;
    }
    void keep(std::uint32_t user, Tick until) {
        if (until == kNone) return;
        auto& kept = until_.try_emplace(user, until).first->second;
        kept = std::max(kept, until);
    }
    [[nodiscard]] Tick of(std::uint32_t user) const {
        const auto it = until_.find(user);
        return it == until_.end() ? kNone : it->second;
    }
    void forget(std::uint32_t user) { until_.erase(user); }

private:
    Tick refused_ = kNone;
    std::unordered_map<std::uint32_t, Tick> until_;
};

}  // namespace presence::tracker
