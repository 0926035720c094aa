#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/counters.hpp"
#include "common/throttle.hpp"
#include "common/time.hpp"

namespace presence::io {

// Tells a process's counters in its log, seldom enough that a flood of bad input cannot flood the
// log: `event=trouble` (warn) with what grew of the counters that mean trouble, at most each
// kTroubleInterval; `event=stats` (info) with all of them each kStatsInterval, if any changed.
class Reporter {
public:
    static constexpr Duration kTroubleInterval = 10s;
    static constexpr Duration kStatsInterval = 60s;

    static constexpr Duration kStoodStill = 2s;

    // For a loop that turns more often than that: says by how much it did not
    // (`event=stood_still`), as what others then see of this process is not their fault.
    void watch(Instant now);
    // `counters` is called only when something is due: cheap in every turn.
    template <class Values>
    void turn(Instant now, Values&& counters) {
        if (trouble_.take(now)) tell(now, counters());
    }

private:
    void tell(Instant now, const std::vector<CounterValue>& counters);

    std::map<std::string, std::int64_t, std::less<>> told_;        // troubles
    std::map<std::string, std::int64_t, std::less<>> told_stats_;  // all
    Instant turned_ = Instant::max();
    Throttle trouble_{kTroubleInterval}, stats_{kStatsInterval};
};

}  // namespace presence::io
