#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/follow/follower.hpp"

namespace presence::notifier {

// Tells a place that lost what it took how things are now: everyone who is online, slot after slot;
// then the sweep: everyone who is online there alone, page after page, is told offline.
//
// Pure. Requires: next() and on_page() while the follower is in step.
class Refill {
public:
    static constexpr std::size_t kUsersAtOnce = 5'000;  // about

    // Begins anew. `tell`: else those who are online are told anyway, and the sweep is all.
    void begin(std::uint64_t number, bool tell);
    // The last one that was done; 0: none.
    [[nodiscard]] std::uint64_t done() const { return done_; }
    [[nodiscard]] bool under_way() const { return number_ != done_; }

    // Whom to tell next how they are. Requires: has_next().
    [[nodiscard]] bool has_next() const;
    [[nodiscard]] std::vector<std::string> next(const Follower& follower);
    // All that was handed out is told.
    void on_told();

    // From where the place is to be asked next who is online there, and what it answered.
    [[nodiscard]] std::optional<std::string> wants_page() const;
    void on_page(const std::vector<std::string>& online, std::string cursor,
                 const Follower& follower);

private:
    enum class Phase : std::uint8_t { none, telling, sweeping };

    std::uint64_t number_ = 0;
    std::uint64_t done_ = 0;
    Phase phase_ = Phase::none;
    bool handed_out_ = false;  // and not told yet
    std::uint32_t slot_ = 0;   // to be told next
    std::string cursor_;       // empty: all was asked for
    std::vector<std::string> swept_;
};

}  // namespace presence::notifier
