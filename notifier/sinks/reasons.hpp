#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/throttle.hpp"
#include "common/time.hpp"

namespace presence::notifier {

// Why something fails, as it is told to the log: each reason once an interval, whatever others
// there are, so that what is down cannot flood the log, nor hide what else is wrong. Beyond
// kReasonsMax within an interval all others are one, "other reasons".
//
// Pure.
class Reasons {
public:
    static constexpr std::size_t kReasonsMax = 16;

    explicit Reasons(Duration interval) : interval_(interval) {}

    // So often more for this reason; take() hands it out now or later.
    void add(const std::string& reason, std::uint64_t count) { at(reason)->second.count += count; }

    struct Due {
        std::string reason;
        std::uint64_t count = 0;
    };
    // What may be told now.
    [[nodiscard]] std::vector<Due> take(Instant now) {
        std::vector<Due> due;
        for (auto& [reason, told] : reasons_)
            if (told.count > 0 && told.throttle.take(now))
                due.push_back({reason, std::exchange(told.count, 0)});
        forget(now);
        return due;
    }
    // Whether this one may be told now; what may not is no affair of later.
    [[nodiscard]] bool may_tell(const std::string& reason, Instant now) {
        forget(now);
        return at(reason)->second.throttle.take(now);
    }

private:
    struct Told {
        Throttle throttle;
        std::uint64_t count = 0;  // and not told yet
    };
    using Map = std::map<std::string, Told>;

    Map::iterator at(const std::string& reason) {
        const auto found = reasons_.find(reason);
        if (found != reasons_.end()) return found;
        return reasons_
            .try_emplace(reasons_.size() < kReasonsMax ? reason : "other reasons",
                         Told{Throttle{interval_}})
            .first;
    }
    void forget(Instant now) {
        for (auto it = reasons_.begin(); it != reasons_.end();)
            it = it->second.count == 0 && it->second.throttle.due(now) ? reasons_.erase(it)
                                                                       : std::next(it);
    }

    Duration interval_;
    Map reasons_;
};

}  // namespace presence::notifier
