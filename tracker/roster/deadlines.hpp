#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tracker/roster/memory/column.hpp"
#include "tracker/roster/memory/prefetch.hpp"

namespace presence::tracker {

// A deadline that has come due, as it was last set.
struct Due {
    std::uint32_t user = 0;
    std::uint32_t deadline = 0;
};

// When to look at which user, as one column of deadlines in blocks of 1,024 users, each block with
// a lower bound of its earliest one. Moving a deadline on is one store; a block is read only when
// its bound is due, which with steady heartbeats is about once in (ttl - heartbeat interval).
//
// Users are dense indices. Deadlines are ms that wrap; at any time all of them and `now` lie within
// 2^31 ms of one another. One may come out 1 ms early (a value is reserved), never late.
class Deadlines {
public:
    static constexpr std::uint32_t kNone = 0xffff'ffff;  // no deadline

    // For users below `users_max`.
    explicit Deadlines(std::size_t users_max) : blocks_(users_max / kBlock + 1) {}

    // Sets, or moves in any direction; onwards is one store.
    void set(std::uint32_t user, std::uint32_t deadline) {
        deadline -= deadline == kNone;
        if (user / kBlock < blocks_.size()) {
            auto& held = entry(user);
            if (held != kNone && static_cast<std::int32_t>(deadline - held) >= 0) {
                held = deadline;
                return;
            }
        }
        set_anew(user, deadline);
    }
    void erase(std::uint32_t user);
    void clear();
    void prefetch(std::uint32_t user) const {
        tracker::prefetch(&blocks_[user / kBlock].deadlines[user % kBlock]);
    }

    // Takes out entries with a deadline before `now` and appends them, in no order, until `limit`
    // were appended; the others' turn comes in the next call. Returns true if more may be due.
    [[nodiscard]] bool take_due(std::uint32_t now, std::size_t limit, std::vector<Due>& out);

    // Never later than the earliest deadline, may be earlier. O(users / 1,024).
    [[nodiscard]] std::optional<std::uint32_t> bound() const;

    [[nodiscard]] std::size_t bytes() const;
    // What is set for `user`; nothing if nothing is.
    [[nodiscard]] std::optional<std::uint32_t> of(std::uint32_t user) const;
    // Ends the process if a bound lies. For tests.
    void check() const;

private:
    static constexpr std::uint32_t kBlock = 1024;
    static constexpr std::uint32_t kLeaf = 64;
    struct Block {
        Block();
        std::array<std::uint32_t, kBlock> deadlines;
        std::array<std::uint32_t, kBlock / kLeaf> bounds;  // of the leaves
    };

    std::uint32_t& entry(std::uint32_t user) {
        return blocks_[user / kBlock].deadlines[user % kBlock];
    }
    // As set(), and lowers the bounds.
    void set_anew(std::uint32_t user, std::uint32_t deadline);
    static bool take_leaf(Block& block, std::uint32_t leaf, std::uint32_t first_user,
                          std::uint32_t now, std::size_t room, std::vector<Due>& out);
    bool take_block(std::size_t block, std::uint32_t now, std::size_t room, std::vector<Due>& out);

    Column<Block> blocks_;
    std::vector<std::uint32_t> bounds_;  // of the blocks, none later than those of its leaves
    std::size_t cursor_ = 0;             // the block where the next call begins
};

}  // namespace presence::tracker
