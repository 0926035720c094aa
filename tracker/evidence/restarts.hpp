#pragma once

#include <cstddef>
#include <vector>

#include "common/time.hpp"

namespace presence::tracker {

// Bounds how long a series of restarts may keep up a user whom no run has heard. What a run hears
// is not stored, so after a restart everybody online may have been heard a moment before and is
// held for their whole ttl: without a bound, one who left is held anew by each restart that comes
// within their ttl of the last.
//
// For a ttl of the timeout such a series holds for `max` longer than the first start alone, for
// another one in proportion: a user who left is held for max / timeout of their ttls.
//
// Pure. Starts are on one clock; what another clock's were is not known.
class Restarts {
public:
    struct Start {
        Instant at{};
        Duration gap{};  // since the one before
    };
    // More of them would need ever shorter gaps.
    static constexpr std::size_t kStartsMax = 32;

    Restarts(Duration max, Duration timeout) : max_(max), timeout_(timeout) {}

    // As the run before told them, oldest first.
    void resume(std::vector<Start> starts);
    void begin(Instant now);
    // For the next run: of starts of which one followed another, those that no later one with as
    // long a gap makes needless.
    [[nodiscard]] const std::vector<Start>& starts() const { return starts_; }

    // Until when one is held at most, whom the journal last saw at `seen`. Requires: begun.
    [[nodiscard]] Instant held_until(Instant seen, Duration ttl) const;

private:
    static constexpr Duration kEver = Duration::max();

    Duration max_, timeout_;
    std::vector<Start> starts_;
};

}  // namespace presence::tracker
