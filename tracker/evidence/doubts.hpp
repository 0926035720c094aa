#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>

#include "tracker/evidence/tick.hpp"

namespace presence::tracker {

// Whose session was ended although it may have been heard: its bound was reached, and what would
// hold it is late, or lost. Of a user who lives on by another session it is remembered: what is
// told of them is `stale` while it may still be so.
//
// Until when is known once the evidence is here, and a lift then moves it as it would have moved
// the session.
//
// Pure. Memory: a user, until they are forgotten or it is over and many are kept.
class Doubts {
public:
    static constexpr Tick kNone = std::numeric_limits<Tick>::min();
    static constexpr Tick kOpen = std::numeric_limits<Tick>::max();  // evidence is missing still

    // A session of theirs was ended at `event_time`, which lasted `length` and may be held until
    // then.
    void keep(std::uint32_t user, Tick until, Tick length, Tick event_time) {
        prune(event_time);
        auto& kept = kept_.try_emplace(user, Doubt{until, length}).first->second;
        kept = {std::max(kept.until, until), std::max(kept.length, length)};
        open_ |= until == kOpen;
    }
    // The evidence until `now` is here, or known to be lost.
    void close(Tick now) {
        if (!open_) return;
        open_ = false;
        for (auto& [user, doubt] : kept_)
            if (doubt.until == kOpen) doubt.until = now + doubt.length;
    }
    // What was said before `now` may be lost.
    void lift(Tick now, Tick event_time) {
        for (auto& [user, doubt] : kept_)
            if (doubt.until > event_time) doubt.until = std::max(doubt.until, now + doubt.length);
    }
    [[nodiscard]] Tick of(std::uint32_t user) const {
        const auto it = kept_.find(user);
        return it == kept_.end() ? kNone : it->second.until;
    }
    void forget(std::uint32_t user) { kept_.erase(user); }

private:
    struct Doubt {
        Tick until, length;
    };
    void prune(Tick event_time) {
        if (kept_.size() < prune_at_) return;
        std::erase_if(kept_, [&](const auto& one) { return one.second.until <= event_time; });
        prune_at_ = 2 * kept_.size() + kPruneMin;
    }

    static constexpr std::size_t kPruneMin = 1'024;

    std::unordered_map<std::uint32_t, Doubt> kept_;
    std::size_t prune_at_ = kPruneMin;
    bool open_ = false;
};

}  // namespace presence::tracker
