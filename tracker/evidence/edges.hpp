#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/secret_hash.hpp"

namespace presence::tracker {

using EdgeIndex = std::uint16_t;
// The edge without a name: always there, not counted.
inline constexpr EdgeIndex kUnnamedEdge = 0;
// Of the session that holds a user of an earlier run: no heartbeat and no bye has it.
inline constexpr EdgeIndex kHeldEdge = 1;
// Of sessions on edges for which there is no room: they have no lease.
inline constexpr EdgeIndex kOtherEdge = 2;
[[nodiscard]] constexpr bool is_named(EdgeIndex edge) {
    return edge > kOtherEdge;
}

// Edge names as small numbers. A name lives as long as sessions refer to it; at most kEdgesMax
// live.
class Edges {
public:
    Edges();

    // Cheap for the edge found last.
    [[nodiscard]] std::optional<EdgeIndex> find(std::string_view name) const {
        if (name.empty()) return kUnnamedEdge;
        return find_named(name);
    }
    // As find(), for names of which many are the very same bytes: a frame's rows. Requires: those
    // bytes stay as they are until forget_bytes().
    [[nodiscard]] std::optional<EdgeIndex> find_bytes(std::string_view name) {
        if (name.data() == bytes_.data() && name.size() == bytes_.size()) return of_bytes_;
        const auto found = find(name);
        if (found) {
            bytes_ = name;
            of_bytes_ = *found;
        }
        return found;
    }
    void forget_bytes() {
        bytes_ = {};
        of_bytes_ = kUnnamedEdge;
    }
    // The same, but kOtherEdge for one that is not known and would find no room.
    [[nodiscard]] std::optional<EdgeIndex> find_or_other(std::string_view name) const;
    // Finds or adds it, and counts one more reference; kOtherEdge if there is no room.
    [[nodiscard]] EdgeIndex acquire(std::string_view name);
    void acquire_held() { ++edges_[kHeldEdge].references; }
    void release(EdgeIndex edge);

    [[nodiscard]] std::string_view name(EdgeIndex edge) const { return edges_[edge].name; }
    // One more than the highest index ever in use.
    [[nodiscard]] std::size_t end() const { return edges_.size(); }
    [[nodiscard]] std::size_t living() const { return by_name_.size(); }
    [[nodiscard]] std::uint32_t references(EdgeIndex edge) const { return edges_[edge].references; }
    [[nodiscard]] std::size_t bytes() const;

private:
    [[nodiscard]] std::optional<EdgeIndex> find_named(std::string_view name) const;

    struct Edge {
        std::string name;
        std::uint32_t references = 0;
    };
    std::deque<Edge> edges_;  // addresses of names must stay
    std::unordered_map<std::string_view, EdgeIndex, SecretHash> by_name_;
    std::vector<EdgeIndex> free_;
    mutable EdgeIndex last_ = kUnnamedEdge;
    std::string_view bytes_;  // the edge's name, somebody else's bytes
    EdgeIndex of_bytes_ = kUnnamedEdge;
};

}  // namespace presence::tracker
