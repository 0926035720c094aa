#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "collector/queueing_delay.hpp"
#include "common/secret_hash.hpp"
#include "common/time.hpp"
#include "common/wire/heartbeat.hpp"

namespace presence::collector {

// The named edges heard lately, and how long their messages were on the way.
class Edges {
public:
    // An edge silent for this long may be forgotten: of its clock nothing is known any more.
    static constexpr Duration kForget = OffsetFilter::kWindow;

    explicit Edges(std::size_t edges_max) : edges_max_(edges_max) {}

    struct Delay {
        // How much older than `received` the message surely is: what it took longer than the
        // quickest message of that edge's run within the last minute.
        Duration time{};
        bool clock_wrong = false;  // that edge's, so that nothing can be said
    };
    // Nothing if the edge is one too many.
    [[nodiscard]] std::optional<Delay> delay_of(const Envelope& envelope, Instant received);
    // Appends the lease of each edge that was heard at `since` or later.
    void append_leases(Instant since, std::string& leases) const;
    [[nodiscard]] std::size_t size() const { return edges_.size(); }

private:
    struct Edge {
        std::uint64_t boot = 0;
        Instant heard{};
        QueueingDelay queueing_delay;
    };
    [[nodiscard]] Edge* find_or_add(const Envelope& envelope, Instant received);

    std::size_t edges_max_;
    std::unordered_map<std::string, Edge, SecretHash, std::equal_to<>> edges_;
    Instant swept_{};
};

}  // namespace presence::collector
