#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/wire/event.hpp"
#include "common/wire/tracker_list.hpp"
#include "tests/simulation/edges_heard.hpp"
#include "tests/simulation/environment.hpp"
#include "tests/simulation/evidence.hpp"
#include "tests/simulation/plan.hpp"

namespace presence::simulation {

// How much was judged: a model that judges nothing finds nothing.
struct Judged {
    std::uint64_t reads = 0;
    std::uint64_t tracker_events = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t told = 0;
    std::uint64_t missed = 0;         // events given up, and users whose replay was asked for
    std::uint64_t told_again = 0;     // what it knew, after that
    std::uint64_t offlines_held = 0;  // a heartbeat could have forbidden it: looked at closely
    std::uint64_t holds = 0;          // offlines that an edge's silence might have forbidden
    std::uint64_t edge_lost = 0;
    std::uint64_t stale = 0;   // offlines without evidence, as their bound was reached
    std::uint64_t bounds = 0;  // offlines that had to be told by then
    std::uint64_t online_in_time = 0;
    std::uint64_t offline_in_time = 0;
    std::uint64_t statuses = 0;
    void add(const Judged& other);
    [[nodiscard]] std::string table() const;
};

// Knows from the load and from what collectors read who is online, and judges what trackers hand
// out and what sinks are told. Uses none of the project's logic, and event objects only as data.
class Model {
public:
    // `fail`: a promise is broken; what, about whom and why, in one line.
    Model(Environment& env, const Shape& shape, std::vector<Span> calm,
          std::function<void(const std::string&)> fail);

    Evidence& evidence() { return evidence_; }
    // A promise between processes is broken.
    void broken(const std::string& what) const { fail_(what); }
    void read(const Beat& beat, Read read);
    // A collector read something of that edge now.
    void heard_edge(const std::string& edge) { edges_.heard(edge, env_.scheduler.now()); }
    // What of it is to be judged depends on what else happens.
    void expect(const std::vector<PlannedFault>& faults);
    // Whether nothing is wrong, and was not a while ago, but that these two are cut off from each
    // other: then the tracker learns from others that the collector lives, and waits for it.
    [[nodiscard]] bool only_cut_off(std::size_t collector, std::size_t tracker) const;
    // A collector that the tracker hears no more lives in the other half of the network: who is
    // told offline for it is told as `stale`.
    [[nodiscard]] bool halved() const;

    // `remembers`: its journal is still there.
    void tracker_started(std::size_t tracker, bool remembers);
    // The tracker owns these slots from now on: of others it knows nobody any more.
    void owns(std::size_t tracker, const SlotSet& slots);
    // What collectors read of these users goes to another tracker from now on.
    void moved(const SlotSet& slots);
    // The tracker hands the event out now; `at`: its at_ms in true time.
    void handed_out(std::size_t tracker, const Event& event, Time at);

    void sink_started(std::size_t sink);
    // A sink did not take an event of the user, or will be told their state once more: what it is
    // told next may be what it knows.
    void missed(std::size_t sink, const std::string& user);
    // A sink was told the event now, for the first time.
    void told(std::size_t sink, const Event& event);

    // The run is over: was everything told, in time?
    void finish();
    [[nodiscard]] const Judged& judged() const { return judged_; }
    // See World::digest().
    [[nodiscard]] std::uint64_t digest() const { return digest_; }

private:
    struct Told {
        Time time;
        bool online;
        std::optional<std::string> status;
    };
    struct SinkUser {
        bool known = false;
        bool missed = false;  // since it was told last
        bool online = false;
        std::optional<std::string> status;
        Epoch epoch = 0;
        std::uint64_t seq = 0;
        Time online_since = 0;
        std::vector<Told> history;
    };
    struct Sink {
        std::size_t number = 0;
        Time started = 0;
        Time ended = kNever;
        std::vector<SinkUser> users;
    };
    struct TrackerUser {
        bool online = false;
        Time changed = 0;  // since when it is online, or when it was told offline
        Time offline_at = -1;
        Time bye_told = -1;  // the newest offline by a bye
    };
    struct Stream {  // of a slot
        Epoch epoch = 0;
        std::uint64_t seq = 0;
    };
    struct Tracker {
        std::vector<TrackerUser> users;
        std::map<Slot, Stream> streams;
        Time started = 0;
        std::size_t run = 0;
        SlotSet slots;
    };
    struct HandedOut {
        Epoch epoch;
        std::uint64_t seq;
        Time time;
        bool online;
    };

    void digest(std::string_view who, const Event& event);
    void wrong(std::size_t user, const std::string& who, const Event& event,
               const std::string& why) const;
    [[nodiscard]] bool calm(Time from, Time to) const;
    void judge_order(std::size_t tracker, Tracker& state, std::size_t user, const Event& event);
    void judge_online(std::size_t tracker, const TrackerUser& state, std::size_t user,
                      const Event& event);
    void judge_timeout(std::size_t tracker, const TrackerUser& state, std::size_t user,
                       const Event& event, Time at);
    void judge_hold(std::size_t tracker, std::size_t user, const Event& event, Time at);
    void judge_bound(std::size_t tracker, std::size_t user, const Event& event, Time at);
    void judge_pace();
    void judge_bye(std::size_t tracker, const TrackerUser& state, std::size_t user,
                   const Event& event, Time at);
    [[nodiscard]] bool may_be_stale(Time now) const;
    [[nodiscard]] bool may_lack_witness(Time now) const;
    // Whether a link between a collector and a tracker was in trouble then, or since.
    [[nodiscard]] bool cut_off_since(Time at) const;
    [[nodiscard]] bool held_throughout(std::size_t user, Time from, Time to);
    [[nodiscard]] Time tracker_said_online(std::size_t user, const Event& event) const;
    [[nodiscard]] bool tracker_said_offline(std::size_t user, const SinkUser& known,
                                            const Event& event) const;

    [[nodiscard]] SinkUser& of_sink(std::size_t sink, std::size_t user);
    void judge_sink(const Sink& sink, std::size_t user, const std::vector<Span>& surely,
                    const std::vector<Span>& perhaps);
    void judge_status(const Sink& sink, std::size_t user, const std::vector<Span>& surely);
    [[nodiscard]] static const Told* last_told(const SinkUser& user, Time at);

    Environment& env_;
    const Shape& shape_;
    std::function<void(const std::string&)> fail_;
    Evidence evidence_;
    EdgesHeard edges_;
    bool timed_ = true;  // trackers know well since when an edge is silent
    std::vector<PlannedFault> of_evidence_;
    std::vector<PlannedFault> holding_;  // those, and of edges: they hold people up
    std::vector<PlannedFault> of_trackers_;
    std::set<std::size_t> undated_;  // trackers whose wall clocks somebody sets
    // By run of a tracker: when users were told edge_lost.
    std::vector<std::pair<std::size_t, std::vector<Time>>> lost_;
    std::vector<Span> calm_;
    std::unordered_map<std::string, std::size_t> user_of_;
    std::vector<Tracker> trackers_;
    std::vector<std::int64_t> byes_told_;       // by user
    std::vector<Sink> sinks_;                   // every life of each
    std::vector<std::vector<HandedOut>> said_;  // by user
    Judged judged_;
    std::uint64_t digest_ = 0;
};

}  // namespace presence::simulation
