#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/config/config.hpp"
#include "common/time.hpp"

namespace presence::cli {

struct BenchOptions {
    std::uint64_t users = 10'000;
    std::uint64_t ids_per_message = 256;
    std::uint64_t edges = 0;           // that name themselves and share the messages; 0: none does
    std::optional<Duration> interval;  // each user beats this often (default 5 s)
    std::uint64_t rate = 0;            // heartbeats a second, instead of the interval
    bool saturate = false;             // as fast as they are taken
    bool flood = false;                // faster: as fast as a sender can
    // Users beat in an order that has nothing to do with the one in which they came.
    bool random_order = false;
    std::optional<Duration> duration;  // of the load (default 10 s)
    std::uint64_t churn = 0;           // users a second that fall silent and come back
    bool bye = false;                // they say so, and come back as soon as they are told offline
    std::uint64_t trackers = 1;      // of the private pipeline
    bool sink = false;               // the private pipeline has a notifier, with a jsonl sink
    std::uint64_t mass_silence = 0;  // users that fall silent at once after the load
    std::optional<Duration> ttl;     // of the private pipeline (default: 3 intervals, 1 s or more)
    std::string pids;                // "t1=123,c1=124": whose CPU and memory to tell
    bool json = false;
};

// Loads a pipeline, checks every transition against what was sent, and reports on stdout. Without
// `theirs` it runs a private collector and trackers on free ports of this machine. Returns 0, or 1
// if a transition was wrong or missing.
int run_bench(const BenchOptions& options, const std::optional<Config>& theirs);

}  // namespace presence::cli
