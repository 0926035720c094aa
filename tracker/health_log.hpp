#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/throttle.hpp"
#include "common/time.hpp"
#include "tracker/tracker.hpp"

namespace presence::tracker {

// Tells in the log what an operator has to know of a tracker's life, once each time it changes: how
// its collectors are (`collector_live`, `collector_silent`, `collector_departed`; `id_shared` if
// two processes have one id), whether it is live, warming or frozen (`freshness`), who goes by
// another list of trackers (`list_differs`, `list_agrees`), whom timeouts wait for (`held`,
// `released`; at most kHoldLines a look, the others counted), and whose frames it refuses
// (`frame_refused`).
class HealthLog {
public:
    // Cheap in every turn: looks once a second.
    void turn(Instant now, Tracker& tracker);

private:
    static constexpr std::size_t kHoldLines = 20;
    static constexpr Duration kLookInterval = 1s;
    static constexpr Duration kRefusedInterval = 10s;

    void tell_collectors(Instant now, const Tracker& tracker);
    void tell_lists(const Tracker& tracker);
    void tell_ids(Instant now, const Tracker& tracker);
    void tell_freshness(const Tracker::Stats& stats);
    void tell_holds(Instant now, const Tracker& tracker);
    void tell_refused(Instant now, Tracker& tracker);

    struct Collector {
        FailureDetector::View::State state = FailureDetector::View::State::expected;
        bool shared = false;
    };
    std::map<std::pair<std::string, std::uint64_t>, Collector> collectors_;  // by id and boot
    std::set<std::string> ids_;                                              // shared, as told
    std::map<std::string, std::string> holds_;                               // what to why, as told
    std::map<std::string, std::pair<ListRank, ListRank>> lists_;  // theirs and ours, as told
    Freshness freshness_ = Freshness::warming;
    StaleBy stale_by_;
    Throttle look_{kLookInterval}, refused_{kRefusedInterval};
};

}  // namespace presence::tracker
