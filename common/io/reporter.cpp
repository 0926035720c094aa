#include "common/io/reporter.hpp"

#include <algorithm>

#include "common/io/log.hpp"

namespace presence::io {

Reporter::Reporter(std::vector<std::string> troubles) : troubles_(std::move(troubles)) {}

void Reporter::tell(Instant now, const std::vector<Number>& numbers) {
    log::Fields grown;
    log::Fields all;
    bool changed = false;
    for (const auto& [name, value] : numbers) {
        all.emplace_back(name, value);
        auto& told_stat = told_stats_[std::string(name)];
        changed = changed || value != told_stat;
        if (std::find(troubles_.begin(), troubles_.end(), name) == troubles_.end()) continue;
        auto& told = told_[std::string(name)];
        if (value > told) grown.emplace_back(name, value - told);
        told = value;
    }
    if (!grown.empty()) log::warn("trouble", grown);
    if (now < next_stats_ || !changed) return;
    next_stats_ = now + kStatsInterval;
    for (const auto& [name, value] : numbers)
        told_stats_[std::string(name)] = value;
    log::info("stats", all);
}

}  // namespace presence::io
