#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/time.hpp"
#include "common/wire/event.hpp"

// How fresh the answers of a tracker are, and why they are stale.
namespace presence::tracker {

// Why answers are stale, each reason that holds.
struct StaleBy {
    bool disk = false;        // the journal cannot be written: news waits
    bool freeze_max = false;  // who was told offline of late may have been heard: it was over
    bool lists = false;       // collectors went by other lists of trackers for so long
    bool no_witness = false;  // a collector that was given up may live where others hear it

    [[nodiscard]] bool any() const { return disk || freeze_max || lists || no_witness; }
    [[nodiscard]] std::vector<std::string> names() const;
    friend bool operator==(const StaleBy&, const StaleBy&) = default;
};

// failing: what is published cannot be written now, and `error` says why. full: too much waits
// to be written; then nobody is told offline, and no frame is applied, until it is not.
struct WritingState {
    bool failing = false;
    bool full = false;
    std::uint64_t waiting_bytes = 0;
    std::string error{};
    std::uint64_t replays_refused = 0;          // so far, as too many of a peer waited
    std::uint64_t written = ~std::uint64_t{0};  // each batch up to this one is
};

// How far its answers may be trusted.
struct TrackerStats {
    Freshness freshness = Freshness::warming;
    StaleBy stale_by;
    Duration lag{-1};  // how far evidence was behind at the last turn; -1: none yet
};

}  // namespace presence::tracker
