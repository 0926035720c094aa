#include "cli/health.hpp"

#include <algorithm>

namespace presence::cli {

std::string_view state_of(const StatusAnswer::Collector& collector,
                          const std::vector<StatusAnswer::Hold>& holds) {
    if (collector.state != "live" || collector.lag_ms <= kBehind / 1ms) return collector.state;
    const bool silent = std::any_of(holds.begin(), holds.end(), [&](const auto& hold) {
        return hold.what == "collector:" + collector.id && hold.why == "silent";
    });
    return silent ? "silent" : "behind";
}

namespace {

// A tracker that cannot write acknowledges nothing: its collectors wait for it, and are not at
// fault.
bool waits_for_disk(const StatusAnswer& status) {
    return std::any_of(status.holds.begin(), status.holds.end(),
                       [](const auto& hold) { return hold.what == "disk"; });
}

}  // namespace

std::vector<std::string> troubles_of(Freshness freshness, const StatusAnswer& status) {
    std::vector<std::string> troubles;
    if (freshness == Freshness::frozen || freshness == Freshness::stale)
        troubles.push_back("is " + std::string(name_of(freshness)));
    for (const auto& collector : status.collectors) {
        const auto state = state_of(collector, status.holds);
        if (state == "live" || state == "departed") continue;
        if (state == "behind" && waits_for_disk(status)) continue;
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
