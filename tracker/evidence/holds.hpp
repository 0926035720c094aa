#pragma once

#include <cstddef>
#include <vector>

#include "common/limits.hpp"
#include "tracker/evidence/tick.hpp"

namespace presence::tracker {

// What was held back lately, hold by hold: how long since a time.
//
// Pure. Holds are added in order; memory is bounded.
class Holds {
public:
    static constexpr Tick kMemory = 4 * Tick{kTtlMaxMs};
    // Beyond, the two oldest become one of their length: counted for longer, never for less.
    static constexpr std::size_t kHoldsMax = 1'024;

    // From the end of the last hold at the earliest; what of it lies before counts once.
    void add(Tick from, Tick to);
    // How long it was held after `t`. What ended more than kMemory before the last hold's end is
    // forgotten.
    [[nodiscard]] Tick after(Tick t) const;
    [[nodiscard]] std::size_t bytes() const { return holds_.capacity() * sizeof(Hold); }

private:
    struct Hold {
        Tick from, to;
    };
    std::vector<Hold> holds_;
};

}  // namespace presence::tracker
