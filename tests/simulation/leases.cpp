// What edges' silences forbid, and how many may be told lost at once.
#include <algorithm>

#include "tests/simulation/model.hpp"
#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {

void Model::expect(const std::vector<PlannedFault>& faults) {
    const auto ends = [](Place place) {
        return place == Place::collector || place == Place::tracker;
    };
    for (const auto& fault : faults) {
        if (is_of_evidence(fault)) of_evidence_.push_back(fault);
        if (is_of_evidence(fault) || fault.place == Place::edge) holding_.push_back(fault);
        if (fault.place == Place::tracker) of_trackers_.push_back(fault);
        if (fault.fault != Fault::suspend || !is_of_evidence(fault)) continue;
        // Until that is noticed a tracker takes what it hears to be from another time.
        timed_ = false;
        if (fault.place == Place::collector)
            evidence_.stood_still(fault.which, {fault.begin, fault.end});
    }
    for (const auto& crash : faults) {
        if (crash.fault == Fault::wall_jump && crash.place == Place::tracker)
            undated_.insert(crash.which);
        if (crash.fault != Fault::crash || !ends(crash.place)) continue;
        // A new run or clock of either end, and frames that take long: until others come a tracker
        // takes what it hears to be later than it was.
        for (const auto& other : faults)
            if (is_of_evidence(other) && &other != &crash &&
                other.begin < crash.end + tolerances::kTogether &&
                other.end + tolerances::kTogether > crash.end)
                timed_ = false;
    }
}

bool Model::cut_off_since(Time at) const {
    const Time now = env_.scheduler.now();
    return std::any_of(of_evidence_.begin(), of_evidence_.end(), [&](const PlannedFault& fault) {
        const bool link = fault.place == Place::frames || fault.place == Place::acks;
        return link && fault.begin < now && fault.end > at - tolerances::lifted_before(shape_);
    });
}

Time Evidence::held_by_edges(std::size_t user, Time known_since, Time at, Time now,
                             const EdgesHeard& edges) const {
    Time until = 0;
    const auto& reads = reads_[user];
    for (const auto& beat : reads) {
        if (beat.bye || beat.edge.empty() || beat.to > at || beat.from < known_since ||
            !counts(beat) || beat.earliest() + beat.ttl <= beat.to)
            continue;
        if (std::none_of(reads.begin(), reads.end(), [&](const Read& other) {
                return other.from <= now && may_end(beat, other);
            }))
            until =
                std::max(until, edges.held_until(beat.edge, beat.earliest(), beat.from, beat.ttl));
    }
    return until;
}

void Model::judge_hold(std::size_t tracker, std::size_t user, const Event& event, Time at) {
    if (!timed_ || undated_.contains(tracker)) return;
    const Time now = env_.scheduler.now();
    // Frames that are sent again tell when an edge was heard last, not that it was silent before;
    // and a lift is taken for a word of each edge, which may have been swallowed.
    const auto unsure = [&](const PlannedFault& fault) {
        const bool link = fault.place == Place::frames || fault.place == Place::acks;
        // Who takes a slot, or is not fed it, does not know its edges.
        if (fault.fault == Fault::reload) return fault.begin < now;
        const bool lifts = tolerances::may_lift(fault.end - fault.begin, shape_);
        const Time since = at - tolerances::lifted_before(shape_);
        return (link || lifts) && fault.begin < now && fault.end > since;
    };
    if (std::any_of(of_evidence_.begin(), of_evidence_.end(), unsure)) return;
    const auto& own = trackers_[tracker];
    const Time until = evidence_.held_by_edges(user, own.started, at, now, edges_);
    judged_.holds += until > 0;
    if (until > at)
        wrong(user, "t" + std::to_string(tracker), event,
              "its time is " + std::to_string(at) +
                  " us, but the silence of their edge holds until " + std::to_string(until));
}

// Per run of a tracker: in no second of event time more than the rate, and a tenth of it at once.
void Model::judge_pace() {
    const auto rate = static_cast<std::size_t>(shape_.edge_lost_rate);
    for (auto& [tracker, times] : lost_) {
        if (undated_.contains(tracker)) continue;
        std::sort(times.begin(), times.end());
        judged_.edge_lost += times.size();
        for (std::size_t first = 0, last = 0; last < times.size(); ++last) {
            while (times[last] - times[first] >= kSecond)
                ++first;
            if (last - first + 1 > tolerances::edge_lost_a_second(rate))
                return fail_(std::to_string(last - first + 1) +
                             " users were told edge_lost within a second from " +
                             std::to_string(times[first]) + " us on, more than " +
                             std::to_string(rate));
        }
    }
}

}  // namespace presence::simulation
