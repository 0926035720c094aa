#include "tracker/watermarks.hpp"

#include <algorithm>
#include <utility>

#include "common/bugs.hpp"
namespace presence::tracker {

Watermarks::Watermarks(Duration grace, std::vector<std::string> expected, Instant now)
    : grace_(grace) {
    for (auto& id : expected)
        collectors_[std::move(id)].heard = now;
}

std::optional<Instant> Watermarks::Collector::reaches(Instant now) const {
    if (!watermark) return std::nullopt;
    const auto reached =
        bug(Bug::watermark_late) ? clock.latest(now, *watermark) : clock.earliest(now, *watermark);
    return reached ? std::min(reached, std::optional(now)) : std::nullopt;
}

Watermarks::Collector* Watermarks::find_or_add(const std::string& id) {
    if (const auto it = collectors_.find(id); it != collectors_.end()) return &it->second;
    if (collectors_.size() >= kCollectorsMax) {
        // Those that hold nothing make room, the longest silent first.
        auto oldest = collectors_.end();
        for (auto it = collectors_.begin(); it != collectors_.end(); ++it)
            if (!it->second.holds() &&
                (oldest == collectors_.end() || it->second.heard < oldest->second.heard))
                oldest = it;
        if (oldest == collectors_.end()) return nullptr;
        collectors_.erase(oldest);
    }
    return &collectors_[id];
}

bool Watermarks::none_holds_but(const Collector& one) const {
    return std::none_of(collectors_.begin(), collectors_.end(),
                        [&](const auto& it) { return &it.second != &one && it.second.holds(); });
}

void Watermarks::evidence_lost(Instant now) {
    lift_ = !bug(Bug::lift_forgotten);
    if (covered_since_) covered_since_ = now;
}

Watermarks::Accept Watermarks::on_frame(const FrameHeader& header, std::uint64_t self_boot,
                                        Instant received) {
    if (header.base == 0 || header.number < header.base) return Accept::refused;
    const bool awaited = collectors_.contains(header.collector);
    auto* const c = find_or_add(header.collector);
    if (c == nullptr) return Accept::refused;
    if (header.boot < c->boot && received - c->heard < kBootOverlap) return Accept::refused;
    if (header.boot != c->boot) {
        const auto known = resumed_.extract(header.collector);
        const bool resumes = !known.empty() && known.mapped().boot == header.boot;
        // What a run read after we began is lost with it, also if we have never heard it ourselves.
        // One that was expected and had left needs no lift, and gets one.
        const bool vanished = c->boot != 0 ? c->state != View::State::departed
                                           : awaited && !known.empty() && !resumes;
        // Also after goodbyes: while no collector was there nobody was heard.
        if (vanished || (event_time_ && none_holds_but(*c))) evidence_lost(received);
        *c = Collector{};
        c->state = View::State::live;
        c->boot = header.boot;
        c->applied = header.base - 1;
        if (resumes) c->applied = std::max(c->applied, known.mapped().applied);
    }
    c->heard = received;
    c->sent = std::max(c->sent, header.sent);
    if (c->state == View::State::silent) c->state = View::State::live;
    if (header.base > c->applied + 1) {
        // Acknowledged by an earlier run of this tracker while we already counted: rows are gone.
        c->applied = header.base - 1;
        evidence_lost(received);
    }
    if (header.dropped > c->dropped) {
        c->dropped = header.dropped;
        evidence_lost(received);
    }
    c->clock.on_message(received, header.sent);
    if (header.echo && header.echo->tracker_boot == self_boot &&
        header.echo->acked_us > c->last_echo_us && header.echo->acked_us <= micros(received)) {
        c->last_echo_us = header.echo->acked_us;
        c->clock.on_echo(received, Instant{Duration{header.echo->acked_us}}, header.echo->received);
    }
    // What it read since its machine went on was taken for older than it is, and it cannot know
    // that it stood still, and that its edges may have given up.
    if (c->clock.take_jump() && !bug(Bug::jump_ignored)) evidence_lost(received);
    if (header.number <= c->applied)
        return bug(Bug::frame_applied_twice) ? Accept::apply : Accept::duplicate;
    if (header.number > c->applied + 1 && !bug(Bug::frame_hole_ignored)) {
        c->gap = true;
        return Accept::gap;
    }
    c->gap = false;
    c->applied = header.number;
    if (!c->watermark || header.watermark > *c->watermark) c->watermark = header.watermark;
    if (header.goodbye) c->state = View::State::departed;
    return Accept::apply;
}

void Watermarks::resume(Link link) {
    if (resumed_.size() < kCollectorsMax) resumed_[link.collector] = link;
}

std::vector<Watermarks::Link> Watermarks::links() const {
    std::vector<Link> all;
    for (const auto& [id, link] : resumed_)
        all.push_back(link);
    for (const auto& [id, c] : collectors_)
        if (c.boot != 0) all.push_back({id, c.boot, c.applied});
    std::sort(all.begin(), all.end(),
              [](const Link& a, const Link& b) { return a.collector < b.collector; });
    return all;
}

Instant Watermarks::read_time(std::string_view collector, PeerInstant read, Instant now) const {
    const auto it = collectors_.find(std::string(collector));
    if (it == collectors_.end()) return now;
    const auto mapped = it->second.clock.latest(now, read);
    return mapped ? std::min(*mapped, now) : now;
}

void Watermarks::on_sighting(std::string_view by, const Sighting& sighting, Instant now) {
    const auto teller = collectors_.find(std::string(by));
    const auto it = collectors_.find(sighting.collector);
    if (teller == collectors_.end() || it == collectors_.end()) return;
    auto& c = it->second;
    const auto seen = teller->second.clock.earliest(now, sighting.seen);
    if (!seen || c.state == View::State::departed || bug(Bug::sightings_ignored)) return;
    c.seen = std::max(c.seen, std::min(*seen, now));
    // It was given up before this was known.
    if (c.state == View::State::silent && now - c.seen <= grace_)
        c.state = c.boot == 0 ? View::State::expected : View::State::live;
}

std::vector<Sighting> Watermarks::sightings_for(std::string_view collector, Instant now) {
    std::vector<Sighting> all;
    const auto it = collectors_.find(std::string(collector));
    if (it == collectors_.end() || now - it->second.told_others < grace_ / 20) return all;
    it->second.told_others = now;
    for (const auto& [id, c] : collectors_) {
        // When it was read may be long after that, and that it is excused says nothing of it.
        const auto said = c.clock.earliest(now, c.sent);
        if (!said || id == collector || c.state != View::State::live || all.size() >= kSightingsMax)
            continue;
        if (const auto seen = std::min(*said, c.heard); now - seen < grace_)
            all.push_back({id, PeerInstant{seen.time_since_epoch()}});
    }
    return all;
}

bool Watermarks::excuse(std::string_view collector, Instant now) {
    const auto it = collectors_.find(std::string(collector));
    if (it == collectors_.end() || !it->second.holds()) return false;
    it->second.heard = now;
    return true;
}

void Watermarks::on_time(Instant now) {
    for (auto& [id, c] : collectors_) {
        if (!c.holds() || now - c.alive() <= grace_) continue;
        c.state = View::State::silent;
        evidence_lost(now);
    }
}

std::optional<Instant> Watermarks::event_time(Instant now) {
    std::optional<Instant> least;
    for (const auto& [id, c] : collectors_) {
        if (!c.holds()) continue;
        const auto reaches = c.reaches(now);
        if (!reaches) return event_time_;
        if (!least || *reaches < *least) least = reaches;
    }
    if (!least) return event_time_;
    if (!covered_since_) covered_since_ = now;
    if (!event_time_ || *least > *event_time_) event_time_ = least;
    return event_time_;
}

bool Watermarks::take_lift() {
    return std::exchange(lift_, false);
}

std::size_t Watermarks::known() const {
    return static_cast<std::size_t>(std::count_if(
        collectors_.begin(), collectors_.end(), [](const auto& it) { return it.second.holds(); }));
}

bool Watermarks::holds(std::string_view collector) const {
    const auto it = collectors_.find(std::string(collector));
    return it != collectors_.end() && it->second.holds();
}

Watermarks::View Watermarks::view_of(std::string_view id, const Collector& c, Instant now) {
    return {id, c.boot, c.state, c.applied, c.gap, c.reaches(now), c.heard, c.alive()};
}

std::vector<Watermarks::View> Watermarks::view(Instant now) const {
    std::vector<View> all;
    for (const auto& [id, c] : collectors_)
        all.push_back(view_of(id, c, now));
    std::sort(all.begin(), all.end(), [](const View& a, const View& b) { return a.id < b.id; });
    return all;
}

std::optional<Watermarks::View> Watermarks::view_of(std::string_view collector, Instant now) const {
    const auto it = collectors_.find(std::string(collector));
    if (it == collectors_.end()) return std::nullopt;
    return view_of(it->first, it->second, now);
}

}  // namespace presence::tracker
