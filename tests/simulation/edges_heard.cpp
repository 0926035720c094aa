#include "tests/simulation/edges_heard.hpp"

#include <algorithm>

#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {

void EdgesHeard::add(std::vector<Speech>& speeches, Time read, Time pause_max) {
    if (!speeches.empty() && read - speeches.back().to <= pause_max)
        speeches.back().to = std::max(speeches.back().to, read);
    else
        speeches.push_back({read, read});
}

void EdgesHeard::heard(const std::string& edge, Time read) {
    add(surely_[edge], read, shape_.edge_timeout + slack_);
    add(perhaps_[edge], read, shape_.edge_timeout - tolerances::lease_late(shape_) - slack_);
}

Time EdgesHeard::ended_by(const std::string& edge, Time began, Time ttl) const {
    const auto found = perhaps_.find(edge);
    Time deadline = began + ttl;
    if (found == perhaps_.end() || ttl < tolerances::leased_ttl_min(shape_)) return deadline;
    const auto& speeches = found->second;
    const Time hold = shape_.edge_timeout + shape_.edge_grace + tolerances::kLeaseInterval + slack_;
    for (std::size_t i = 0; i < speeches.size(); ++i) {
        const Time silent = speeches[i].to;
        const bool last = i + 1 == speeches.size();
        // A tracker may know only of a later word than the first.
        const Time back = last ? 0 : speeches[i + 1].from + tolerances::lease_late(shape_) + slack_;
        if (!last && back <= began) continue;
        if (silent > deadline) break;
        const Time lost =
            silent + tolerances::edge_lost_after(shape_) + tolerances::kLeaseInterval + slack_;
        if (last || back > silent + hold) return std::max(deadline, lost) + hold;
        deadline += back - std::max(silent, began);
    }
    return deadline;
}

Time EdgesHeard::held_until(const std::string& edge, Time began, Time read, Time ttl) const {
    const auto found = surely_.find(edge);
    if (found == surely_.end() || ttl < tolerances::leased_ttl_min(shape_)) return 0;
    const auto& speeches = found->second;
    const Time hold = shape_.edge_timeout + shape_.edge_grace;
    const Time bound = began + tolerances::held_at_most(ttl, shape_) - slack_;
    Time deadline = began + ttl - slack_;
    for (std::size_t i = 0; i < speeches.size(); ++i) {
        const Time silent = speeches[i].to;
        if (deadline > bound) return bound;
        if (silent < read && i + 1 < speeches.size() && speeches[i + 1].from <= read) continue;
        // Due before its edge could be known to be silent.
        if (deadline <= silent + shape_.edge_timeout + slack_) return deadline;
        const Time lost = std::min(bound, std::max(deadline, silent + hold - slack_));
        if (i + 1 == speeches.size()) return lost;
        const Time back = speeches[i + 1].from;
        if (lost < back + tolerances::lease_late(shape_) + slack_) return lost;
        deadline += std::min(back, silent + hold) - std::max(silent, read) - slack_;
    }
    return std::min(bound, deadline);
}

}  // namespace presence::simulation
