#include "cli/health.hpp"

namespace presence::cli {

std::string_view state_of(const StatusAnswer::Collector& collector) {
    if (collector.state == "live" && collector.lag_ms > kBehind / 1ms) return "behind";
    return collector.state;
}

std::vector<std::string> troubles_of(Freshness freshness, const StatusAnswer& status) {
    std::vector<std::string> troubles;
    if (freshness == Freshness::frozen || freshness == Freshness::stale)
        troubles.push_back("is " + std::string(name_of(freshness)));
    for (const auto& collector : status.collectors) {
        const auto state = state_of(collector);
        if (state == "live" || state == "departed") continue;
        troubles.push_back(
            "collector " + collector.id +
            (state == "expected" ? " was never heard" : " is " + std::string(state)));
    }
    for (const auto& shared : status.shared)
        troubles.push_back(shared.what + " is the id of several processes");
    for (const auto& hold : status.holds)
        troubles.push_back("held by " + hold.what);
    return troubles;
}

}  // namespace presence::cli
