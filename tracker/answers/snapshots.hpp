#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "common/wire/query.hpp"

namespace presence::tracker {

// Further pages of snapshots too large for one answer, kept as they were in the turn that took
// them, until kKept has passed or newer ones need the room. Pure.
class Snapshots {
public:
    static constexpr Duration kKept = 10s;
    static constexpr std::size_t kBytesMax = 64u << 20;

    // Splits `whole` into pages of at most kAnswerPageBytes; keeps all but the first, which is
    // returned, its cursor set if more follow.
    [[nodiscard]] SnapshotAnswer take(SnapshotAnswer whole, Instant now);
    // The page a cursor names; it may be asked for again. Nothing: unknown or no longer kept.
    [[nodiscard]] std::optional<SnapshotAnswer> page(Slot slot, std::string_view cursor);
    void on_time(Instant now);

private:
    struct Kept {
        std::uint64_t number;
        Instant at;
        std::size_t bytes;
        std::vector<SnapshotAnswer> pages;
    };
    void drop_oldest();

    std::deque<Kept> kept_;  // oldest first
    std::size_t bytes_ = 0;
    std::uint64_t next_number_ = 1;
};

}  // namespace presence::tracker
