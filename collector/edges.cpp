#include "collector/edges.hpp"

#include <algorithm>

#include "common/wire/frame.hpp"

namespace presence::collector {
namespace {

constexpr Duration kSweepInterval = 1s;
constexpr Duration kSentResolution = 1ms;
// Beyond any clock, and far from an overflow when turned into microseconds.
constexpr std::uint64_t kSentMsMax = std::uint64_t{1} << 50;

}  // namespace

std::optional<Edges::Delay> Edges::delay_of(const Envelope& envelope, Instant received) {
    Edge* edge = find_or_add(envelope, received);
    if (!edge) return std::nullopt;
    edge->heard = received;
    if (edge->boot != envelope.boot) {
        edge->boot = envelope.boot;
        edge->queueing_delay.reset();
    }
    if (!envelope.sent_ms || *envelope.sent_ms > kSentMsMax) return Delay{};
    const auto sent = std::chrono::milliseconds{static_cast<std::int64_t>(*envelope.sent_ms)};
    const Duration difference = received.time_since_epoch() - sent;
    // `sent` was cut to milliseconds: so much may be no delay.
    const auto late = edge->queueing_delay.late_by(received, difference);
    return Delay{std::max(late - kSentResolution, Duration{0}), edge->queueing_delay.clock_wrong()};
}

void Edges::append_leases(Instant since, std::string& leases) const {
    for (const auto& [name, edge] : edges_)
        if (edge.heard >= since)
            append_lease(leases, {name, PeerInstant{edge.heard.time_since_epoch()}});
}

Edges::Edge* Edges::find_or_add(const Envelope& envelope, Instant received) {
    if (const auto found = edges_.find(envelope.edge); found != edges_.end()) return &found->second;
    if (edges_.size() >= edges_max_ && received - swept_ >= kSweepInterval) {
        swept_ = received;
        std::erase_if(edges_, [&](const auto& e) { return received - e.second.heard >= kForget; });
    }
    if (edges_.size() >= edges_max_) return nullptr;
    return &edges_[std::string(envelope.edge)];
}

}  // namespace presence::collector
