#include "tracker/evidence/edge_leases.hpp"

#include <algorithm>

#include "common/bugs.hpp"

namespace presence::tracker {

void EdgeLeases::begin(EdgeIndex edge, Tick read) {
    if (edge >= edges_.size()) edges_.resize(edge + std::size_t{1});
    edges_[edge] = {read, {}};
}

void EdgeLeases::on_heard(EdgeIndex edge, Tick read) {
    auto& e = edges_[edge];
    const auto before = heard(e);
    if (read <= before) return;
    if (read > before + options_.timeout && !bug(Bug::edge_silence_forgotten))
        e.silences.add(before, std::min(read, before + hold_length()));
    e.heard = read;
}

EdgeLeases::Silence EdgeLeases::silence(EdgeIndex edge) const {
    const auto since = heard(edges_[edge]);
    return {since, since + hold_length()};
}

EdgeLeases::Verdict EdgeLeases::judge(EdgeIndex edge, Tick began, std::uint32_t ttl, Tick bound,
                                      Tick event_time) const {
    using Kind = Verdict::Kind;
    const auto deadline = this->deadline(edge, began, ttl);
    if (!covers(edge, ttl)) return {Kind::ended, deadline};
    // A lift may come, and then a whole ttl.
    const auto lifted = std::min(event_time + ttl, bound);
    const bool cut = bound < event_time;
    if (deadline >= event_time) {
        if (cut) return {Kind::ended, bound, cut};
        return {Kind::lives, std::min(deadline, lifted)};
    }
    const auto [since, until] = silence(edge);
    if (deadline <= since + options_.timeout || bug(Bug::edge_not_held))
        return {Kind::ended, deadline};
    if (until < event_time && !bug(Bug::edge_held_on)) return {Kind::lost, event_time};
    if (cut) return {Kind::ended, bound, cut};
    // Should the edge be heard again right now, the session lives on by the silence so far.
    return {Kind::lives, std::min({until, lifted, deadline + (event_time - since)})};
}

std::size_t EdgeLeases::bytes() const {
    auto sum = edges_.capacity() * sizeof(Edge);
    for (const auto& edge : edges_)
        sum += edge.silences.bytes();
    return sum;
}

}  // namespace presence::tracker
