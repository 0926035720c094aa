#pragma once

#include <array>
#include <cstddef>
#include <set>

#include "common/check.hpp"

namespace presence::tracker {

// Which parts of a room are taken, in blocks of powers of two: binary buddies (Knuth, The Art of
// Computer Programming, vol. 1, 2.5). The lowest block that fits is given, so that what was never
// taken costs no memory; two halves that are both free become one again.
class Buddies {
public:
    // A room of 2^order units.
    explicit Buddies(unsigned order) : order_(order) { free_[order].insert(0); }

    // The offset of 2^order units, a multiple of their number. Requires: the room is large enough.
    [[nodiscard]] std::size_t take(unsigned order) {
        auto from = order;
        while (from <= order_ && free_[from].empty())
            ++from;
        PRESENCE_CHECK(from <= order_, "a room is full");
        for (auto larger = from; larger <= order_; ++larger)
            if (!free_[larger].empty() && *free_[larger].begin() < *free_[from].begin())
                from = larger;
        const auto at = *free_[from].begin();
        free_[from].erase(at);
        while (from > order) {
            --from;
            free_[from].insert(at + (std::size_t{1} << from));
        }
        return at;
    }
    // Requires: it was taken with that order.
    void give_back(std::size_t at, unsigned order) {
        for (; order < order_; ++order) {
            const auto buddy = at ^ (std::size_t{1} << order);
            if (free_[order].erase(buddy) == 0) break;
            at &= ~(std::size_t{1} << order);
        }
        free_[order].insert(at);
    }

private:
    unsigned order_;
    std::array<std::set<std::size_t>, 64> free_;  // by order
};

}  // namespace presence::tracker
