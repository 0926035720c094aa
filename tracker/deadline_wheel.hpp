#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tracker/deadlines.hpp"

namespace presence::tracker {

// The other candidate for Deadlines: a lazy timing wheel. Moving a deadline on does nothing; an
// entry that pops before its time is armed again. Deadlines beyond the wheel's 65 s pop early as
// well. May be late by a bucket (8 ms). Same interface and requirements as Deadlines.
class DeadlineWheel {
public:
    void set(std::uint32_t user, std::uint32_t deadline);
    void postpone(std::uint32_t, std::uint32_t) {}
    void erase(std::uint32_t user) { armed_[user] = kNone; }
    void prefetch(std::uint32_t) const {}
    [[nodiscard]] bool take_due(std::uint32_t now, std::size_t limit, std::vector<Due>& out);
    [[nodiscard]] std::optional<std::uint32_t> bound() const;
    [[nodiscard]] std::size_t bytes() const;

private:
    static constexpr std::uint32_t kShift = 3;
    static constexpr std::uint32_t kBuckets = 8192;
    static constexpr std::uint32_t kNone = 0xffff'ffff;

    std::array<std::vector<std::uint32_t>, kBuckets> buckets_;
    std::vector<std::uint32_t> armed_;  // number of the bucket that holds the user's live entry
    std::uint32_t cursor_ = 0;          // the first bucket not yet emptied
    bool started_ = false;
};

}  // namespace presence::tracker
