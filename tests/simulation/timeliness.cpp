#include <algorithm>

#include "tests/simulation/edge.hpp"
#include "tests/simulation/model.hpp"
#include "tests/simulation/tolerances.hpp"

// What can be said only at the end: was everyone told everything, and in time?
namespace presence::simulation {

void Judged::add(const Judged& other) {
    reads += other.reads;
    tracker_events += other.tracker_events;
    timeouts += other.timeouts;
    told += other.told;
    missed += other.missed;
    told_again += other.told_again;
    offlines_held += other.offlines_held;
    holds += other.holds;
    edge_lost += other.edge_lost;
    stale += other.stale;
    bounds += other.bounds;
    online_in_time += other.online_in_time;
    offline_in_time += other.offline_in_time;
    statuses += other.statuses;
}

std::string Judged::table() const {
    const auto line = [](const char* what, std::uint64_t n) {
        return std::to_string(n) + " " + what + "\n";
    };
    return line("heartbeats read", reads) + line("events of trackers judged", tracker_events) +
           line("timeouts among them", timeouts) + line("events told to sinks judged", told) +
           line("events given up, or users to be replayed", missed) +
           line("events that told again what was known, after that", told_again) +
           line("offlines that a heartbeat might have forbidden", offlines_held) +
           line("offlines that an edge's silence might have forbidden", holds) +
           line("users told offline because their edge was lost", edge_lost) +
           line("offlines told as stale, as their bound was reached", stale) +
           line("offlines that had to be told by their bound", bounds) +
           line("users who had to be online by then, and were", online_in_time) +
           line("users who had to be offline by then, and were", offline_in_time) +
           line("statuses compared at the end", statuses);
}

void Model::finish() {
    judge_pace();
    for (std::size_t user = 0; user < shape_.users; ++user) {
        const auto surely = evidence_.surely_online(user, shape_.end, true);
        const auto perhaps = evidence_.perhaps_online(user, edges_);
        for (const auto& sink : sinks_) {
            judge_sink(sink, user, surely, perhaps);
            judge_status(sink, user, surely);
        }
    }
}

const Model::Told* Model::last_told(const SinkUser& user, Time at) {
    const auto after =
        std::upper_bound(user.history.begin(), user.history.end(), at,
                         [](Time time, const Told& told) { return time < told.time; });
    return after == user.history.begin() ? nullptr : &*std::prev(after);
}

void Model::judge_sink(const Sink& sink, std::size_t user, const std::vector<Span>& surely,
                       const std::vector<Span>& perhaps) {
    const Time bound = tolerances::told_within(shape_);
    for (const auto& calm : calm_) {
        const Time begin = std::max(calm.from, sink.started);
        const Time end = std::min(calm.to, sink.ended);
        const auto check = [&](Time since, Time until, bool online) {
            const Time due = std::max(since, begin) + bound;
            if (due > std::min(until, end)) return;
            ++(online ? judged_.online_in_time : judged_.offline_in_time);
            const auto* const said = last_told(sink.users[user], due);
            if ((said && said->online) == online) return;
            fail_("sink" + std::to_string(sink.number) + " was not told in time that " +
                  user_name(user) + " is " + (online ? "online" : "offline") + " since " +
                  std::to_string(since) + " us; due at " + std::to_string(due) + " us");
        };
        for (const auto& span : surely)
            check(span.from, span.to, true);
        Time gone = 0;
        for (const auto& span : perhaps) {
            check(gone, span.from, false);
            gone = span.to;
        }
        check(gone, kNever, false);
    }
}

// Of a user with one session in the last calm time, the status told last is the one read last.
void Model::judge_status(const Sink& sink, std::size_t user, const std::vector<Span>& surely) {
    if (sink.ended != kNever) return;
    const auto& reads = evidence_.reads(user);
    const Time from = calm_.back().from;
    const Read* newest = nullptr;
    for (const auto& read : reads) {
        if (read.to + shape_.ttl_max < from) continue;
        if (read.bye || read.session != reads.back().session) return;
        if (read.to - read.earliest() > tolerances::kStatusWaited) {
            // Its place in the order is open.
            if (read.status) return;
            continue;
        }
        if (read.status && read.from > from) newest = &read;
    }
    const auto* const said = last_told(sink.users[user], shape_.end);
    if (newest == nullptr || said == nullptr || !said->online) return;
    // A session that ended meanwhile took its status with it.
    if (surely.empty() || surely.back().from > newest->to || surely.back().to < shape_.end) return;
    // Two of about one time may have come in either order.
    for (const auto& read : reads)
        if (&read != newest && read.status && read.to > newest->from - tolerances::kStatusesApart)
            return;
    ++judged_.statuses;
    if (said->status.value_or("") != *newest->status)
        fail_("sink" + std::to_string(sink.number) + " was told the status \"" +
              said->status.value_or("") + "\" of " + user_name(user) + ", who told \"" +
              *newest->status + "\"");
}

}  // namespace presence::simulation
