#include "tests/simulation/evidence.hpp"

#include <algorithm>

#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {

using tolerances::kByeMemory;
using tolerances::kClockBoundMax;
using tolerances::kOvertaking;
using tolerances::of_length;

void Evidence::read(const Beat& beat, Read read) {
    auto& sessions = sessions_[beat.user];
    read.session = sessions.try_emplace({beat.edge, beat.session}, sessions.size()).first->second;
    read.edge = beat.edge;
    read.named = !beat.session.empty();
    read.ttl = beat.ttl;
    read.age = beat.age;
    read.bye = beat.bye;
    read.linger = beat.linger;
    read.status = beat.status;
    ttl_min_[beat.user] = std::min(ttl_min_[beat.user], beat.ttl);
    if (beat.crowded) shared_ttl_[beat.user] = std::max(shared_ttl_[beat.user], beat.ttl);
    reads_[beat.user].push_back(std::move(read));
}

void Evidence::lost(std::size_t collector, Time since) {
    for (auto& reads : reads_)
        for (auto read = reads.rbegin(); read != reads.rend() && read->to > since; ++read)
            if (read->collector == collector) read->lost = true;
}

void Evidence::unheard(std::size_t collector, std::size_t tracker, Time since, bool told) {
    auto& outages = outages_[collector];
    for (auto& outage : outages)
        if (outage.tracker == tracker && outage.to == kNever) {
            outage.from = std::min(outage.from, since);
            return;
        }
    outages.push_back({tracker, since, kNever, told});
}

void Evidence::heard_again(std::size_t collector, std::size_t tracker, Time now) {
    for (auto& outage : outages_[collector])
        if (outage.tracker == tracker && outage.to == kNever)
            outage.to = now + tolerances::kHeardAgain;
}

bool Evidence::counts(const Read& read) const {
    return !read.lost && !in_outage(read, true);
}

bool Evidence::holds(std::size_t user, const Read& read, Time now) const {
    if (in_outage(read, false)) return false;
    const auto known = [&](const std::vector<Time>& forgotten) {
        return std::none_of(forgotten.begin(), forgotten.end(), [&](Time at) {
            return read.from < at + tolerances::kForgotten && at <= now;
        });
    };
    return !read.lost || (known(forgotten_) && known(moved_[user]));
}

bool Evidence::in_outage(const Read& read, bool also_told) const {
    const auto outages = outages_.find(read.collector);
    return outages != outages_.end() &&
           std::any_of(outages->second.begin(), outages->second.end(), [&](const Outage& outage) {
               return read.to > outage.from && read.from < outage.to && (also_told || !outage.told);
           });
}

bool Evidence::came_late(const Read& read) const {
    const auto outages = outages_.find(read.collector);
    return outages != outages_.end() &&
           std::any_of(outages->second.begin(), outages->second.end(), [&](const Outage& outage) {
               return outage.told && outage.to != kNever && read.to > outage.from &&
                      read.from < outage.to;
           });
}

bool Evidence::may_end(const Read& beat, const Read& other) {
    if (other.session != beat.session || &other == &beat) return false;
    if (other.bye) return other.latest() >= beat.earliest() - kByeMemory - kClockBoundMax;
    return other.ttl < beat.ttl && other.latest() >= beat.earliest() - kClockBoundMax;
}

// Who lingers is a session like any other until then; not what follows its bye as a straggler.
Time Evidence::ended_by(const Read& beat, const Read& other) {
    if (!other.bye || beat.latest() + kClockBoundMax > other.earliest()) return other.from;
    return std::max(other.from, other.earliest() + other.linger - of_length(other.age));
}

bool Evidence::forgotten_since(std::size_t user, const Read& read, Time now) const {
    for (const auto* const forgotten : {&forgotten_, &moved_[user]})
        for (const Time at : *forgotten)
            if (read.from <= at && at <= now) return true;
    return false;
}

// Until when this heartbeat must hold its user online.
Time Evidence::surely_until(std::size_t user, const Read& beat, Time now) const {
    Time ttl = beat.lost ? ttl_min_[user] : beat.ttl;
    // A tracker that forgot everyone knows the user from another session's heartbeat at best.
    if (forgotten_since(user, beat, now)) ttl = ttl_min_[user];
    const Time slack = of_length(beat.ttl + beat.age);
    Time until = beat.earliest() + ttl - slack;
    for (const auto& other : reads_[user])
        if (other.from < until && may_end(beat, other))
            until = std::min(until, ended_by(beat, other));
    return until;
}

// Until when it may do so at most.
Time Evidence::perhaps_until(std::size_t user, const Read& beat, const EdgesHeard& edges) const {
    // A session that others share lasts for the longest ttl of theirs, and no bye ends it.
    if (const Time shared = shared_ttl_[user]; shared > 0)
        return edges.ended_by(beat.edge, beat.latest(), shared);
    Time until = edges.ended_by(beat.edge, beat.latest(), beat.ttl);
    for (const auto& other : reads_[user]) {
        if (other.session != beat.session || !other.bye || !counts(other)) continue;
        const Time slack = clock_bound_ + of_length(beat.age + other.age);
        const bool ends = beat.named ? other.earliest() > beat.to - kByeMemory + slack
                                     : other.from > beat.to + kOvertaking &&
                                           other.earliest() > beat.latest() + slack;
        if (!ends) continue;
        // A bye that comes late ends what was online meanwhile.
        const bool may_come_late = other.to + kOvertaking > beat.to;
        const Time lingers = other.latest() + other.linger + slack;
        until = std::min(until, std::max({may_come_late ? beat.to : Time{0}, other.to,
                                          other.linger > 0 ? lingers : Time{0}}));
    }
    return until;
}

Time Evidence::taken_later_by(const Read& beat) const {
    Time later = 0;
    for (const auto& [collector, span] : still_)
        if (collector == beat.collector && beat.to > span.from - tolerances::kSentBeforeStill &&
            beat.from < span.to)
            later += span.to - span.from;
    return later;
}

Time Evidence::last_deadline(std::size_t user, Time at, Time now, bool known) const {
    Time last = 0;
    for (const auto& beat : reads_[user]) {
        if (beat.bye || beat.arrived > at || beat.from > now || !holds(user, beat, now)) continue;
        if (came_late(beat)) continue;
        if (beat.earliest() + beat.ttl <= beat.to) continue;  // too old when it was read
        if (known && (beat.lost || forgotten_since(user, beat, now))) continue;
        const auto& reads = reads_[user];
        if (std::none_of(reads.begin(), reads.end(), [&](const Read& other) {
                return other.from <= now && may_end(beat, other);
            }))
            last = std::max(last, surely_until(user, beat, now));
    }
    return last;
}

Time Evidence::bye_after(std::size_t user, Time at, Time now) const {
    const auto& reads = reads_[user];
    for (const auto& bye : reads) {
        // Of a session without a name the last arrival wins: a heartbeat that comes after its bye
        // brings it back, for what is left of its ttl.
        if (!bye.bye || !bye.named || bye.from > now || !counts(bye)) continue;
        if (bye.earliest() <= at + of_length(bye.age) + clock_bound_) continue;
        for (const auto& beat : reads) {
            if (beat.session != bye.session || beat.bye || !counts(beat)) continue;
            if (beat.to > at - clock_bound_) continue;
            const Time until = beat.earliest() + beat.ttl - of_length(beat.ttl + beat.age);
            if (until <= bye.latest()) continue;
            if (std::none_of(reads.begin(), reads.end(), [&](const Read& other) {
                    return &other != &bye && may_end(beat, other);
                }))
                return bye.earliest();
        }
    }
    return 0;
}

bool Evidence::none_holds(std::size_t user, Time now) const {
    return std::none_of(reads_[user].begin(), reads_[user].end(), [&](const Read& beat) {
        return !beat.bye && beat.arrived <= now && beat.earliest() + beat.ttl > now;
    });
}

std::vector<Span> Evidence::surely_online(std::size_t user, Time now, bool from_read) const {
    std::vector<Span> spans;
    for (const auto& beat : reads_[user]) {
        if (beat.bye || !(from_read ? counts(beat) : holds(user, beat, now))) continue;
        const Span span{from_read ? beat.to : beat.arrived, surely_until(user, beat, now)};
        if (span.from < span.to) spans.push_back(span);
    }
    merge(spans);
    return spans;
}

std::vector<Span> Evidence::perhaps_online(std::size_t user, const EdgesHeard& edges) const {
    std::vector<Span> spans;
    for (const auto& beat : reads_[user]) {
        if (beat.bye) continue;
        const Time until = perhaps_until(user, beat, edges) + taken_later_by(beat);
        // One that was over just before may be taken for a little later, and bring them back.
        if (beat.arrived < until + tolerances::kBackOnline)
            spans.push_back({beat.arrived, std::max(beat.arrived, until)});
    }
    merge(spans);
    return spans;
}

void Evidence::merge(std::vector<Span>& spans) {
    std::sort(spans.begin(), spans.end(),
              [](const Span& a, const Span& b) { return a.from < b.from; });
    std::size_t kept = 0;
    for (const auto& span : spans) {
        if (kept > 0 && span.from <= spans[kept - 1].to)
            spans[kept - 1].to = std::max(spans[kept - 1].to, span.to);
        else
            spans[kept++] = span;
    }
    spans.resize(kept);
}

}  // namespace presence::simulation
