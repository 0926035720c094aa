#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/slots.hpp"

namespace presence::tracker {

struct ToPeer {
    std::string peer;  // the routing id its message came with
    std::string bytes;
};

struct Publication {
    std::string topic;
    std::string bytes;
    std::uint64_t batch = 0;  // number of the batch that this is; 0: none
};

// A slot as it is after all batches up to `batch`: a restart needs none of them for it.
struct SlotState {
    Slot slot = 0;
    std::uint64_t batch = 0;
    std::optional<std::string> bytes;  // nothing: as written last
};

// A question that the journal answers.
struct Replay {
    std::string peer;
    std::optional<std::uint64_t> rid;
    std::uint64_t boot = 0;
    std::uint64_t after = 0;
};

// What a turn wants done. Batches, states and facts are to be written first; what lies in
// `publications` and `snapshots` goes out only when the batches of this turn and of all before are
// written (CommitGate); `answers`, and `acks`, which tell what is written, may go at any time.
struct Output {
    std::vector<Publication> publications;  // in this order
    std::vector<ToPeer> acks;
    std::vector<ToPeer> snapshots;
    std::vector<ToPeer> answers;
    std::vector<Replay> replays;
    std::vector<SlotState> states;
    std::optional<std::string> facts;  // what else a restart needs; replaces the one before

    void clear() { *this = {}; }
};

}  // namespace presence::tracker
