#include "common/io/reporter.hpp"

#include <utility>

#include "common/io/log.hpp"

namespace presence::io {

void Reporter::watch(Instant now) {
    const auto turned = std::exchange(turned_, now);
    if (turned != Instant::max() && now - turned > kStoodStill)
        log::warn("stood_still", {{"for_ms", (now - turned) / 1ms}});
}

void Reporter::tell(Instant now, const std::vector<CounterValue>& counters) {
    log::Fields grown;
    log::Fields all;
    bool changed = false;
    for (const auto& [counter, value] : counters) {
        const auto name = counter->name;
        all.emplace_back(name, value);
        auto& told_stat = told_stats_[std::string(name)];
        changed = changed || value != told_stat;
        if (!counter->is_trouble()) continue;
        auto& told = told_[std::string(name)];
        if (value > told) grown.emplace_back(name, value - told);
        told = value;
    }
    if (!grown.empty()) log::warn("trouble", grown);
    if (!changed || !stats_.take(now)) return;
    for (const auto& [counter, value] : counters)
        told_stats_[std::string(counter->name)] = value;
    log::info("stats", all);
}

}  // namespace presence::io
