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
    if (read > before + options_.timeout)
        if (const auto end = std::min(read, hold_end(e)); end > before + options_.timeout)
            if (!bug(Bug::edge_silence_forgotten)) e.silences.add(before, end);
    e.heard = read;
}

Tick EdgeLeases::hold_end(const Edge& edge) const {
    const auto since = heard(edge);
    const auto left = options_.hold_max - edge.silences.spent(since);
    return since + std::min(hold_length(), left);
}

EdgeLeases::Silence EdgeLeases::silence(EdgeIndex edge) const {
    const auto& e = edges_[edge];
    const auto end = hold_end(e);
    return {heard(e), end > heard(e) + options_.timeout ? end : heard(e)};
}

EdgeLeases::Verdict EdgeLeases::judge(EdgeIndex edge, Tick began, std::uint32_t ttl,
                                      Tick event_time) const {
    using Kind = Verdict::Kind;
    const auto deadline = this->deadline(edge, began, ttl);
    if (!covers(edge, ttl)) return {Kind::ended, deadline};
    // A lift may come, and then a whole ttl.
    const auto lifted = event_time + ttl;
    if (deadline >= event_time) return {Kind::lives, std::min(deadline, lifted)};
    const auto [since, until] = silence(edge);
    if (deadline <= since + options_.timeout || until == since || bug(Bug::edge_not_held))
        return {Kind::ended, deadline};
    if (until < event_time && !bug(Bug::edge_held_on)) return {Kind::lost, event_time};
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
