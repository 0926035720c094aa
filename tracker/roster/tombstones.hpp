#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "common/secret_hash.hpp"
#include "tracker/evidence/tick.hpp"

namespace presence::tracker {

// Remembers which named sessions said bye, so that stragglers do not revive them. Sessions are
// known by a 64-bit hash: with the memory full, one heartbeat in 70 million millions is taken for
// another session's straggler.
class Tombstones {
public:
    explicit Tombstones(std::size_t max, Tick memory) : max_(max), memory_(memory) {}

    [[nodiscard]] static std::uint64_t key(std::uint64_t user_hash, std::string_view edge,
                                           std::string_view session);
    struct Bye {
        Tick at = 0;
        Tick end = 0;  // of its session
    };
    // The newest bye of a session counts. Beyond `max` the oldest told is forgotten.
    void remember(std::uint64_t key, Bye bye);
    // The bye, if it is not forgotten, that a heartbeat of `at` is a straggler of.
    [[nodiscard]] std::optional<Bye> covering(std::uint64_t key, Tick at) const;
    // Every heartbeat read before `event_time` has come. Never goes back.
    void forget_before(Tick event_time);

    [[nodiscard]] bool empty() const { return byes_.empty(); }
    [[nodiscard]] std::size_t size() const { return order_.size(); }
    [[nodiscard]] std::size_t bytes() const {
        return order_.size() * sizeof(Told) + byes_.size() * 48;
    }

private:
    struct Told {
        std::uint64_t key;
        Tick at;
    };
    void forget_oldest();

    std::size_t max_;
    Tick memory_;
    Tick event_time_ = std::numeric_limits<Tick>::min();
    std::deque<Told> order_;
    std::unordered_map<std::uint64_t, Bye, SecretHash> byes_;
};

}  // namespace presence::tracker
