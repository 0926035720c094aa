#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/edges_heard.hpp"
#include "tests/simulation/messages.hpp"

namespace presence::simulation {

// [from, to) in true time.
struct Span {
    Time from = 0;
    Time to = 0;
};

// One heartbeat that a collector read, in true times.
struct Read {
    std::size_t collector = 0;
    std::size_t session = 0;
    std::string edge;  // empty: unnamed
    bool named = false;
    Time arrived = 0;  // at the collector's machine
    Time from = 0;     // read not before,
    Time to = 0;       // nor after
    Time sent = 0;     // earliest time it may be taken for; `from` unless the edge stamped it
    Time ttl = 0;
    Time age = 0;
    bool bye = false;
    Time linger = 0;    // of a bye
    bool lost = false;  // perhaps swallowed: the collector crashed or gave up rows
    std::optional<std::string> status;

    [[nodiscard]] Time earliest() const { return sent - age; }
    [[nodiscard]] Time latest() const { return to - age; }
};

// What collectors really read, and what that says about who is online when.
//
// Where the order or the fate of heartbeats leaves two outcomes open, neither is claimed:
// `surely_online` holds what must count, `perhaps_online` all that may.
class Evidence {
public:
    // `clock_bound`: how well a tracker knows a collector's clock without trouble on the links.
    Evidence(std::size_t users, Time clock_bound)
        : clock_bound_(clock_bound),
          reads_(users),
          sessions_(users),
          ttl_min_(users, kNever),
          shared_ttl_(users, 0),
          moved_(users) {}

    void read(const Beat& beat, Read read);
    // The collector may have swallowed what it read after `since`; who is online already then has
    // another ttl, as long as their tracker knew the collector.
    void lost(std::size_t collector, Time since);
    // A tracker heard nothing of the collector for so long that it may have given it up; what the
    // collector read after `since`, until shortly after it is heard again, may not count.
    // `told`: whoever is told offline for it is told so.
    void unheard(std::size_t collector, std::size_t tracker, Time since, bool told);
    void heard_again(std::size_t collector, std::size_t tracker, Time now);
    // The collector's clock stood still. What it had read and not sent yet, or not for long, may be
    // taken for later than it was.
    void stood_still(std::size_t collector, Span span) { still_.emplace_back(collector, span); }
    [[nodiscard]] Time taken_later_by(const Read& beat) const;
    // A tracker forgot everyone.
    void forgotten(Time now) { forgotten_.push_back(now); }
    // The user is another tracker's from now on, which knows of them what it hears.
    void forgotten(std::size_t user, Time now) { moved_[user].push_back(now); }
    [[nodiscard]] bool any_forgotten() const { return !forgotten_.empty(); }

    // Spans, by start, as known at `now`. `from_read`: in which the user must be online, each from
    // when its heartbeat had been read. Otherwise: in which a user who is online must stay so, from
    // when the heartbeat arrived and the collector could have known.
    [[nodiscard]] std::vector<Span> surely_online(std::size_t user, Time now, bool from_read) const;
    // Until when the newest word of the sessions that were still open at `now` holds, as far as it
    // came before `at`; a session that said bye, or a shorter ttl, has no say. `known`: nor one
    // that the user's tracker may have forgotten.
    [[nodiscard]] Time last_deadline(std::size_t user, Time at, Time now, bool known = false) const;
    // When a session that surely lived at `at` said bye later, as known at `now`: until then it
    // held its user. Nothing: 0.
    [[nodiscard]] Time bye_after(std::size_t user, Time at, Time now) const;
    // Until when the silences of their edges hold the user at least, by what was read since
    // `known_since` and before `at`, as known at `now`; 0: not at all.
    [[nodiscard]] Time held_by_edges(std::size_t user, Time known_since, Time at, Time now,
                                     const EdgesHeard& edges) const;
    // Quick: no heartbeat can hold the user online then, whatever else happened.
    [[nodiscard]] bool none_holds(std::size_t user, Time now) const;
    [[nodiscard]] std::vector<Span> perhaps_online(std::size_t user, const EdgesHeard& edges) const;
    [[nodiscard]] const std::vector<Read>& reads(std::size_t user) const { return reads_[user]; }

    static void merge(std::vector<Span>& spans);

private:
    struct Outage {
        std::size_t tracker;
        Time from;
        Time to;
        bool told;
    };
    // Whether it must bring its user online; and whether it must hold a user who is.
    [[nodiscard]] bool counts(const Read& read) const;
    [[nodiscard]] bool forgotten_since(std::size_t user, const Read& read, Time now) const;
    [[nodiscard]] bool holds(std::size_t user, const Read& read, Time now) const;
    [[nodiscard]] bool in_outage(const Read& read, bool also_told) const;
    // It came to the tracker at the end of one, when time there may have passed its deadline.
    [[nodiscard]] bool came_late(const Read& read) const;
    // Whether `other`, of the same session, may take away what `beat` holds.
    [[nodiscard]] static bool may_end(const Read& beat, const Read& other);
    // And then, when at the earliest.
    [[nodiscard]] static Time ended_by(const Read& beat, const Read& other);
    [[nodiscard]] Time surely_until(std::size_t user, const Read& beat, Time now) const;
    [[nodiscard]] Time perhaps_until(std::size_t user, const Read& beat,
                                     const EdgesHeard& edges) const;

    Time clock_bound_;
    std::vector<std::vector<Read>> reads_;
    std::vector<std::map<std::pair<std::string, std::string>, std::size_t>> sessions_;
    std::vector<Time> ttl_min_;
    // Of a user whose sessions may share one: the longest, which may be that one's; else 0.
    std::vector<Time> shared_ttl_;
    std::vector<std::vector<Time>> moved_;                // by user
    std::map<std::size_t, std::vector<Outage>> outages_;  // by collector
    std::vector<Time> forgotten_;
    std::vector<std::pair<std::size_t, Span>> still_;
};

}  // namespace presence::simulation
