#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "tracker/stream/output.hpp"

namespace presence::tracker {

// Holds back what a turn wants sent until its batches are written: nobody hears of a transition
// that a restart would not know. Order is kept.
//
// Pure. Memory is what is held; whoever calls stops taking frames while it is too much.
class CommitGate {
public:
    // Takes publications and snapshots of one turn; what needs not wait is moved to `ready` at
    // once. So is a tick, which speaks of what is written: a tracker whose disk is full is not
    // away.
    void hold(Output&& turn, Output& ready);
    // Every batch up to this one is written: moves what waited for it to `ready`.
    void on_written(std::uint64_t batch, Output& ready);

    // Held now.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    struct Held {
        std::uint64_t batch = 0;  // goes when this one is written
        std::size_t bytes = 0;
        Output output;
    };

    std::uint64_t batch_ = 0;  // the last one seen
    std::uint64_t written_ = 0;
    std::size_t bytes_ = 0;
    std::deque<Held> held_;
};

}  // namespace presence::tracker
