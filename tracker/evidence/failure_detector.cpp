#include "tracker/evidence/failure_detector.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "common/bugs.hpp"

namespace presence::tracker {
namespace {

// What every collector keeps to: docs/protocol.md, "Frames".
bool makes_sense(const FrameHeader& header) {
    constexpr std::uint64_t kBootMax = std::uint64_t{1} << 63;
    constexpr std::uint64_t kCountMax = std::uint64_t{1} << 53;
    return header.boot != 0 && header.boot < kBootMax && header.base != 0 &&
           header.number >= header.base && header.number - header.base < kFrameWindow &&
           header.number < kCountMax && header.dropped < kCountMax &&
           header.watermark <= header.sent &&
           (!header.echo || header.echo->received <= header.sent);
}

}  // namespace

FailureDetector::FailureDetector(Duration grace, std::vector<std::string> expected, Instant now)
    : grace_(grace), began_(now) {
    for (auto& id : expected)
        runs_[{std::move(id), 0}].heard = now;
}

std::optional<Instant> FailureDetector::Run::reaches(Instant now) const {
    if (!watermark) return std::nullopt;
    const auto reached =
        bug(Bug::watermark_late) ? clock.latest(now, *watermark) : clock.earliest(now, *watermark);
    return reached ? std::min(reached, std::optional(now)) : std::nullopt;
}

// Those that hold nothing make room, the longest silent first: of that collector if it has as many
// runs as it may, else of any.
bool FailureDetector::make_room(std::string_view collector) {
    const auto of = runs_of(runs_, collector);
    const bool of_it = std::distance(of.first, of.second) >= std::ptrdiff_t{kRunsMax};
    if (!of_it && runs_.size() < kCollectorsMax) return true;
    const auto [first, last] = of_it ? of : std::pair{runs_.begin(), runs_.end()};
    auto oldest = last;
    for (auto it = first; it != last; ++it)
        if (!it->second.holds() && (oldest == last || it->second.heard < oldest->second.heard))
            oldest = it;
    if (oldest == last) return false;
    runs_.erase(oldest);
    return true;
}

FailureDetector::Run* FailureDetector::find_or_begin(const FrameHeader& header, Instant received,
                                                     std::string_view address) {
    const Key key{header.collector, header.boot};
    if (const auto it = runs_.find(key); it != runs_.end()) return &it->second;
    const bool awaited = runs_.erase(Key{header.collector, 0}) > 0;
    if (!make_room(header.collector)) return nullptr;
    // Also after goodbyes: while no collector was there nobody was heard.
    if (event_time_ && known() == 0) evidence_lost(received);
    Run begun;
    begun.state = View::State::live;
    begun.began = received;
    begun.applied = header.base - 1;
    begun.address = address;
    if (const auto it = resumed_.find(key); it != resumed_.end()) {
        begun.applied = std::max(begun.applied, it->second);
        resumed_.erase(it);
    }
    // What a run read after we began is lost with it, also if we have never heard it ourselves; or
    // it speaks still. One that had left needs no such wait, and gets one.
    if (awaited) {
        const auto [from, to] = runs_of(resumed_, header.collector);
        for (auto it = from; it != to; ++it) {
            auto& before = runs_[it->first];
            before.heard = received;
            before.applied = it->second;
        }
        resumed_.erase(from, to);
    }
    if (bug(Bug::newest_run_only)) {
        const auto [from, to] = runs_of(runs_, header.collector);
        if (from != to) evidence_lost(received);
        runs_.erase(from, to);
    }
    return &runs_.emplace(key, std::move(begun)).first->second;
}

void FailureDetector::evidence_lost(Instant now) {
    lift_ = !bug(Bug::lift_forgotten);
    if (covered_since_) covered_since_ = now;
}

FailureDetector::Accept FailureDetector::on_frame(const FrameHeader& header,
                                                  std::uint64_t self_boot, Instant received,
                                                  std::string_view address, bool takes) {
    if (!makes_sense(header)) return Accept::senseless;
    if (bug(Bug::newest_run_only)) {
        const auto [from, to] = runs_of(runs_, header.collector);
        if (std::any_of(from, to, [&](const auto& it) { return it.first.second > header.boot; }))
            return Accept::senseless;
    }
    auto* const c = find_or_begin(header, received, address);
    if (c == nullptr) return Accept::no_room;
    // Not what an earlier run of ours said that it applied: its journal may be an old copy.
    if (c->spoke != Instant{} && (header.number + kFramesApartMax < c->applied ||
                                  header.base > c->applied + kFramesApartMax)) {
        const Instant began = c->began;
        *c = Run{};
        c->state = View::State::live;
        c->began = began;
        c->applied = header.base - 1;
        c->address = address;
        evidence_lost(received);
    }
    if (c->state != View::State::departed) c->state = View::State::live;
    if (c->spoke == Instant{}) c->began = received;
    c->spoke = c->heard = received;
    c->misses_tracker = header.misses_tracker;
    if (c->address.empty()) c->address = address;
    if (header.base > c->applied + 1) {
        // Acknowledged by an earlier run of this tracker while we already counted: rows are gone.
        c->applied = header.base - 1;
        evidence_lost(received);
    }
    // Less than before, and later: what was told before was forged.
    if (header.dropped > c->dropped || (header.dropped < c->dropped && header.sent > c->sent)) {
        c->dropped = header.dropped;
        evidence_lost(received);
    }
    const bool jumped = note_clocks(*c, header, self_boot, received);
    if (header.number <= c->applied)
        return bug(Bug::frame_applied_twice) ? Accept::apply : Accept::duplicate;
    if (!takes) {
        c->gap = true;
        return Accept::deferred;
    }
    if (header.number > c->applied + 1 && !bug(Bug::frame_hole_ignored)) {
        c->gap = true;
        return Accept::gap;
    }
    c->gap = false;
    c->applied = header.number;
    // The next frame tells: should this one be forged, it would count for ever.
    if (!jumped && (!c->watermark || header.watermark > *c->watermark))
        c->watermark = header.watermark;
    if (header.goodbye) c->state = View::State::departed;
    return Accept::apply;
}

// Whether one of the clocks jumped.
bool FailureDetector::note_clocks(Run& run, const FrameHeader& header, std::uint64_t self_boot,
                                  Instant received) {
    run.sent = std::max(run.sent, header.sent);
    run.clock.on_message(received, header.sent);
    if (header.echo && header.echo->tracker_boot == self_boot &&
        header.echo->acked_us > run.last_echo_us && header.echo->acked_us <= micros(received)) {
        run.last_echo_us = header.echo->acked_us;
        run.clock.on_echo(received, Instant{Duration{header.echo->acked_us}},
                          header.echo->received);
    }
    if (header.echo && header.echo->tracker_boot != self_boot &&
        header.echo->tracker_boot != before_)
        run.heard_other = header.echo->received;
    if (!run.clock.take_jump() || bug(Bug::jump_ignored)) return false;
    // What it read since its machine went on was taken for older than it is, and it cannot know
    // that it stood still, and that its edges may have given up. Stamps of before say nothing.
    run.sent = {};
    run.watermark.reset();
    evidence_lost(received);
    return true;
}

void FailureDetector::resume(Applied run) {
    if (resumed_.size() < kCollectorsMax)
        resumed_[{std::move(run.collector), run.boot}] = run.applied;
}

std::vector<FailureDetector::Applied> FailureDetector::applied() const {
    std::vector<Applied> all;
    for (const auto& [key, applied] : resumed_)
        all.push_back({key.first, key.second, applied});
    for (const auto& [key, run] : runs_)
        if (key.second != 0) all.push_back({key.first, key.second, run.applied});
    std::sort(all.begin(), all.end(), [](const Applied& a, const Applied& b) {
        return std::tie(a.collector, a.boot) < std::tie(b.collector, b.boot);
    });
    return all;
}

Instant FailureDetector::read_time(RunId run, PeerInstant read, Instant now) const {
    const auto it = runs_.find(Key{run.collector, run.boot});
    if (it == runs_.end()) return now;
    const auto mapped = it->second.clock.latest(now, read);
    return mapped ? std::min(*mapped, now) : now;
}

void FailureDetector::on_sighting(RunId by, const Sighting& sighting, Instant now) {
    const auto teller = runs_.find(Key{by.collector, by.boot});
    if (teller == runs_.end() || bug(Bug::sightings_ignored)) return;
    const auto mapped = teller->second.clock.earliest(now, sighting.seen);
    if (!mapped) return;
    const Instant seen = std::min(*mapped, now);
    if (now - seen > grace_) return;
    // Also one that said goodbye, and is back.
    const auto [first, last] = runs_of(runs_, sighting.collector);
    const bool known = std::any_of(first, last, [&](const auto& it) {
        const auto& c = it.second;
        return c.state != View::State::departed || c.spoke + kOverlap >= seen;
    });
    if (!known && make_room(sighting.collector)) runs_[{sighting.collector, 0}].heard = seen;
    const auto [from, to] = runs_of(runs_, sighting.collector);
    for (auto it = from; it != to; ++it) {
        auto& c = it->second;
        if (c.state == View::State::departed) continue;
        if (std::any_of(from, to, [&](const auto& other) {
                return &other.second != &c && other.second.spoke + kOverlap >= seen;
            }))
            continue;
        c.seen = std::max(c.seen, seen);
        // It was given up before this was known.
        if (c.state == View::State::silent && !succeeded_at(it->first, c))
            c.state = c.spoke == Instant{} ? View::State::expected : View::State::live;
    }
}

std::vector<Sighting> FailureDetector::sightings_for(RunId run, Instant now) {
    std::vector<Sighting> all;
    const auto to = runs_.find(Key{run.collector, run.boot});
    if (to == runs_.end() || now - to->second.told_others < grace_ / 20) return all;
    to->second.told_others = now;
    for (const auto& [key, c] : runs_) {
        // When it was read may be long after that.
        const auto said = c.clock.earliest(now, c.sent);
        if (!said || key.first == run.collector || c.state != View::State::live) continue;
        const auto seen = std::min(*said, c.heard);
        if (now - seen >= grace_) continue;
        const PeerInstant told{seen.time_since_epoch()};
        if (!all.empty() && all.back().collector == key.first)
            all.back().seen = std::max(all.back().seen, told);
        else if (all.size() < kSightingsMax)
            all.push_back({key.first, told});
    }
    return all;
}

std::optional<Instant> FailureDetector::succeeded_at(const Key& key, const Run& run) const {
    std::optional<Instant> first;
    const auto [from, to] = runs_of(runs_, key.first);
    for (auto it = from; it != to; ++it) {
        const auto& began = it->second.began;
        if (began > run.began && run.spoke < began + kOverlap && (!first || began < *first))
            first = began;
    }
    return first;
}

// Both spoke after both had begun, and lately.
std::optional<FailureDetector::RunId> FailureDetector::other_than(const Key& key, const Run& run,
                                                                  Instant now) const {
    constexpr Duration kLately = 2 * kOverlap;
    const auto [from, to] = runs_of(runs_, key.first);
    for (auto it = from; it != to; ++it) {
        const auto& other = it->second;
        const auto both = std::max(run.began, other.began) + kOverlap;
        const auto last = std::min(run.spoke, other.spoke);
        if (&other != &run && run.state == View::State::live && other.state == View::State::live &&
            last >= both && now - last < kLately)
            return RunId{it->first.first, it->first.second};
    }
    return std::nullopt;
}

bool FailureDetector::other_tracker(Instant now) const {
    constexpr Duration kLately = 1h;
    return std::any_of(runs_.begin(), runs_.end(), [&](const auto& it) {
        const auto& [key, run] = it;
        if (!run.heard_other) return false;
        const auto heard = run.clock.earliest(now, *run.heard_other);
        return heard && *heard > began_ + kOverlap && now - *heard < kLately;
    });
}

void FailureDetector::look_for_witnesses(Instant now) {
    const bool any = std::any_of(runs_.begin(), runs_.end(), [&](const auto& it) {
        const auto& c = it.second;
        return c.state == View::State::live && !c.misses_tracker && now - c.spoke < grace_ / 4;
    });
    if (!any)
        witnessed_since_.reset();
    else if (!witnessed_since_)
        witnessed_since_ = now;
    if (!witnessed(now)) return;
    for (auto& [key, c] : runs_)
        c.unwitnessed = false;
}

// What others hear comes by way of a witness in less.
bool FailureDetector::witnessed(Instant now) const {
    return witnessed_since_ && now - *witnessed_since_ > grace_ / 2;
}

void FailureDetector::on_time(Instant now) {
    look_for_witnesses(now);
    for (auto& [key, c] : runs_) {
        if (!c.holds() || now - c.alive() <= std::min(grace_, kOverlap)) continue;
        const auto later = succeeded_at(key, c);
        const bool ended = later && now - std::max(c.alive(), *later) > kOverlap;
        if (!ended && now - c.alive() <= grace_) continue;
        c.state = View::State::silent;
        c.unwitnessed = !ended && !witnessed(now);
        evidence_lost(now);
    }
}

bool FailureDetector::unwitnessed() const {
    if (bug(Bug::unwitnessed_ignored)) return false;
    return std::any_of(runs_.begin(), runs_.end(), [&](const auto& it) {
        const auto& [key, c] = it;
        return c.unwitnessed && c.state == View::State::silent && !succeeded_at(key, c);
    });
}

void FailureDetector::expect(const std::vector<std::string>& expected, Instant now) {
    for (const auto& id : expected)
        if (const auto [from, to] = runs_of(runs_, id); from == to && make_room(id))
            runs_[{id, 0}].heard = now;
    std::erase_if(runs_, [&](const auto& it) {
        return !it.second.holds() &&
               std::find(expected.begin(), expected.end(), it.first.first) == expected.end();
    });
}

std::optional<Instant> FailureDetector::event_time(Instant now) {
    std::optional<Instant> least;
    for (const auto& [key, c] : runs_) {
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

bool FailureDetector::take_lift() {
    return std::exchange(lift_, false);
}

std::size_t FailureDetector::known() const {
    return static_cast<std::size_t>(std::count_if(
        runs_.begin(), runs_.end(), [](const auto& it) { return it.second.holds(); }));
}

bool FailureDetector::holds(RunId run) const {
    const auto it = runs_.find(Key{run.collector, run.boot});
    return it != runs_.end() && it->second.holds();
}

FailureDetector::View FailureDetector::view_of(const Key& key, const Run& c, Instant now) const {
    return {key.first,
            key.second,
            c.state,
            c.applied,
            c.gap,
            c.reaches(now),
            c.heard,
            c.alive(),
            c.sent,
            c.address,
            other_than(key, c, now)};
}

std::vector<FailureDetector::View> FailureDetector::view(Instant now) const {
    std::vector<View> all;
    for (auto it = runs_.begin(); it != runs_.end();) {
        const auto [from, to] = runs_of(runs_, it->first.first);
        auto last = from;
        bool any = false;
        for (it = from; it != to; ++it) {
            if (it->second.holds()) all.push_back(view_of(it->first, it->second, now));
            any |= it->second.holds();
            if (it->second.heard > last->second.heard) last = it;
        }
        if (!any) all.push_back(view_of(last->first, last->second, now));
    }
    return all;
}

std::optional<FailureDetector::View> FailureDetector::view_of(RunId run, Instant now) const {
    const auto it = runs_.find(Key{run.collector, run.boot});
    if (it == runs_.end()) return std::nullopt;
    return view_of(it->first, it->second, now);
}

}  // namespace presence::tracker
