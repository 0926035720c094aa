#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/time.hpp"

namespace presence::tracker {

struct TrackerOptions {
    std::string cluster = "main";
    std::string tracker = "t1";
    std::uint64_t boot = 1;
    std::int64_t started_unix_ms = 0;  // for the epochs
    Duration timeout = 30s;
    Duration linger{0};
    Duration collector_grace = 30s;
    Duration freeze_max = 10min;
    Duration edge_timeout = 3s;
    Duration edge_grace = 30s;
    std::uint64_t edge_lost_rate = 5'000;
    std::uint64_t users_max = 20'000'000;
    std::vector<std::string> collectors_expected;
    // Of our clock: instants of two runs with the same one can be compared. 0: of none.
    std::uint64_t clock = 0;
    bool journal = false;                 // `replay` is answered, and states are handed out
    std::vector<TrackerConfig> trackers;  // endpoints, for `map` and `moved`
    std::string version = "0";
};

}  // namespace presence::tracker
