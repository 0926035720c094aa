#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "common/wire/event.hpp"

// What a tracker tells of itself in numbers, and why its answers are stale.
namespace presence::tracker {

// Why answers are stale, each reason that holds.
struct StaleBy {
    bool disk = false;        // the journal cannot be written: news waits
    bool freeze_max = false;  // evidence was missing for so long: timeouts go on without
    bool lifts = false;       // a lift was refused: heartbeats may have been lost
    bool lists = false;       // collectors went by other lists of trackers for so long

    [[nodiscard]] bool any() const { return disk || freeze_max || lifts || lists; }
    [[nodiscard]] std::vector<std::string> names() const;
    friend bool operator==(const StaleBy&, const StaleBy&) = default;
};

// failing: what is published cannot be written now, and `error` says why. full: too much waits
// to be written; then nobody is told offline, and the caller takes no frames, until it is not.
struct WritingState {
    bool failing = false;
    bool full = false;
    std::uint64_t waiting_bytes = 0;
    std::string error{};
    std::uint64_t replays_refused = 0;  // so far, as too many of a peer waited
};

struct TrackerStats {
    std::uint64_t frames = 0, frames_duplicate = 0, frames_gap = 0, frames_refused = 0;
    std::uint64_t heartbeats = 0;     // rows applied
    std::uint64_t stale = 0;          // older than their ttl
    std::uint64_t moved = 0;          // rows of users another tracker owns
    std::uint64_t slots_not_fed = 0;  // ours, that some collector routes elsewhere
    std::uint64_t users_limit = 0, sessions_limit = 0, edges_limit = 0;  // refused by a limit
    std::uint64_t after_bye = 0;  // stragglers of a session that said bye
    std::uint64_t malformed = 0;  // rows that no collector of ours can have sent
    std::uint64_t online = 0, sessions = 0;
    std::uint64_t edges = 0, edges_silent = 0;  // named, with sessions here
    std::uint64_t edge_lost = 0;                // users told offline so
    std::uint64_t transitions = 0, batches = 0, lifts = 0, lifts_refused = 0;
    std::uint64_t queries = 0, queries_refused = 0, replays_refused = 0;
    std::uint64_t journal_waiting_bytes = 0;  // not written yet
    std::uint64_t topics = 0;                 // subscribed to
    Freshness freshness = Freshness::warming;
    StaleBy stale_by;
    Duration lag{-1};    // how far evidence was behind at the last turn; -1: none yet
    Duration frozen{0};  // how long event time was held within the last hour
};

// fn(name, value) for each number above: one list for `status`, logs and, later, metrics.
void each_number(const TrackerStats& stats,
                 const std::function<void(std::string_view, std::int64_t)>& fn);

}  // namespace presence::tracker
