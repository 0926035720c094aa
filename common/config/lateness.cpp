#include "common/config/lateness.hpp"

#include <chrono>

namespace presence {

std::vector<LateBound> late_bounds(const PresenceConfig& p) {
    const auto of = [](Duration d) { return format_duration(d); };
    const auto grace = p.collector_grace_or_timeout();
    const auto freeze = p.freeze_max_or_default();
    const auto edge = p.edge_timeout + p.edge_grace;
    const auto lost = std::chrono::ceil<std::chrono::milliseconds>(
        Duration{1'000'000'000'000 / static_cast<std::int64_t>(p.edge_lost_rate)});
    return {
        {"nothing", "p99", "100ms"},
        {"a collector or a tracker restarts", "timeout + 1s + the restart",
         of(p.timeout + 1s) + " + the restart"},
        {"a collector vanishes or is cut off", "collector_grace + timeout", of(grace + p.timeout)},
        {"one that was cut off is back", "timeout + 13s, from then", of(p.timeout + 13s)},
        {"an edge is cut off, and back within that", "edge_timeout + edge_grace", of(edge)},
        {"an edge dies, or is back later",
         "edge_timeout + edge_grace + 500ms + users / edge_lost_rate",
         of(edge + 500ms) + " + " + of(lost) + " for each million users"},
        {"whatever collectors, edges and lists of trackers do",
         "2 * freeze_max + timeout + users of lost edges / edge_lost_rate",
         of(2 * freeze + p.timeout) + " + " + of(lost) + " for each million of these"},
    };
}

}  // namespace presence
