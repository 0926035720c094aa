#include "tracker/evidence/edges.hpp"

#include "common/check.hpp"
#include "common/limits.hpp"

namespace presence::tracker {

Edges::Edges() : edges_(kOtherEdge + 1) {}

std::optional<EdgeIndex> Edges::find_named(std::string_view name) const {
    if (edges_[last_].name == name) return last_;
    const auto it = by_name_.find(name);
    if (it == by_name_.end()) return std::nullopt;
    return last_ = it->second;
}

std::optional<EdgeIndex> Edges::find_or_other(std::string_view name) const {
    const auto edge = find(name);
    if (edge || by_name_.size() < kEdgesMax) return edge;
    return kOtherEdge;
}

EdgeIndex Edges::acquire(std::string_view name) {
    auto edge = find_or_other(name);
    if (!edge) {
        if (free_.empty()) {
            edge = static_cast<EdgeIndex>(edges_.size());
            edges_.emplace_back();
        } else {
            edge = free_.back();
            free_.pop_back();
        }
        edges_[*edge].name = name;
        by_name_.emplace(edges_[*edge].name, *edge);
        last_ = *edge;
    }
    ++edges_[*edge].references;
    return *edge;
}

void Edges::release(EdgeIndex edge) {
    auto& e = edges_[edge];
    PRESENCE_CHECK(e.references > 0, "an edge was released more often than acquired");
    if (--e.references > 0 || !is_named(edge)) return;
    if (edge == of_bytes_) forget_bytes();
    by_name_.erase(e.name);
    e.name.clear();
    free_.push_back(edge);
}

std::size_t Edges::bytes() const {
    return edges_.size() * sizeof(Edge) + by_name_.size() * 64;
}

}  // namespace presence::tracker
