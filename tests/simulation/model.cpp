#include "tests/simulation/model.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "tests/simulation/edge.hpp"
#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {

namespace {

std::string seconds(Time t) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6f", static_cast<double>(t) / 1e6);
    return text;
}

}  // namespace

Model::Model(Environment& env, const Shape& shape, std::vector<Span> calm,
             std::function<void(const std::string&)> fail)
    : env_(env),
      shape_(shape),
      fail_(std::move(fail)),
      evidence_(shape.users, tolerances::clock_bound(shape)),
      edges_(shape, tolerances::edge_bound(shape)),
      calm_(std::move(calm)),
      trackers_(shape.trackers),
      byes_told_(shape.users),
      said_(shape.users) {
    for (std::size_t user = 0; user < shape.users; ++user)
        user_of_.emplace(user_name(user), user);
}

bool Model::calm(Time from, Time to) const {
    return std::any_of(calm_.begin(), calm_.end(),
                       [&](const Span& span) { return span.from <= from && to <= span.to; });
}

void Model::wrong(std::size_t user, const std::string& who, const Event& event,
                  const std::string& why) const {
    fail_(who + " " + (event.state == State::online ? "online" : "offline") + " (" + event.reason +
          ") of " + user_name(user) + ", id " + std::to_string(event.slot) + "." +
          std::to_string(event.epoch) + "." + std::to_string(event.seq) + ": " + why);
}

void Model::digest(std::string_view who, const Event& event) {
    const auto add = [&](std::string_view text) {  // FNV-1a
        for (const char c : text)
            digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ull;
    };
    add(who);
    add(event.user);
    add(event.state == State::online ? "+" : "-");
    add(event.reason);
    add(event.status.value_or("\n"));
    // Not its id: epochs come of the clock on the wall, and seq begins anew with one that is
    // raised.
    add(std::to_string(env_.scheduler.now()));
}

void Model::read(const Beat& beat, Read read) {
    ++judged_.reads;
    evidence_.read(beat, std::move(read));
}

void Model::tracker_started(std::size_t tracker, bool remembers) {
    trackers_[tracker].started = env_.scheduler.now();
    lost_.push_back({tracker, {}});
    trackers_[tracker].run = lost_.size() - 1;
    if (remembers) return;
    if (!trackers_[tracker].users.empty()) evidence_.forgotten(env_.scheduler.now());
    trackers_[tracker].users.assign(shape_.users, {});
}

void Model::owns(std::size_t tracker, const SlotSet& slots) {
    moved(slots & ~std::exchange(trackers_[tracker].slots, slots));
    auto& users = trackers_[tracker].users;
    for (std::size_t user = 0; user < users.size(); ++user)
        if (!slots[slot_of(hash_of(user_name(user)))]) users[user] = {};
}

void Model::moved(const SlotSet& slots) {
    if (slots.none() || !shape_.lists_change) return;
    for (std::size_t user = 0; user < shape_.users; ++user)
        if (slots[slot_of(hash_of(user_name(user)))])
            evidence_.forgotten(user, env_.scheduler.now());
}

void Model::handed_out(std::size_t tracker, const Event& event, Time at) {
    ++judged_.tracker_events;
    const auto name = "t" + std::to_string(tracker);
    const auto found = user_of_.find(event.user);
    if (found == user_of_.end()) return fail_(name + " knows a user that never was: " + event.user);
    const auto user = found->second;
    auto& state = trackers_[tracker];
    auto& known = state.users[user];
    const Time now = env_.scheduler.now();

    digest(name, event);
    // The last words of one who has given the slot up.
    if (shape_.lists_change && !state.slots[event.slot]) {
        said_[user].push_back({event.epoch, event.seq, now, event.state == State::online});
        return;
    }
    judge_order(tracker, state, user, event);
    if (event.freshness == Freshness::stale && !may_be_stale(now))
        wrong(user, name, event, "it says stale, and nothing can have been held up for so long");
    said_[user].push_back({event.epoch, event.seq, now, event.state == State::online});
    if (event.state == State::online) {
        if (known.online) return;
        judge_online(tracker, known, user, event);
    } else if (event.reason == "bye") {
        judge_bye(tracker, known, user, event, at);
    } else {
        if (event.freshness != Freshness::stale) {
            judge_timeout(tracker, known, user, event, at);
            judge_hold(tracker, user, event, at);
        } else {
            ++judged_.stale;
        }
        if (event.reason == "timeout") judge_bound(tracker, user, event, at);
        if (event.reason == "edge_lost") lost_[state.run].second.push_back(at);
    }
    known.online = event.state == State::online;
    // An online that comes out late, as its evidence did, was true since its heartbeat.
    known.changed = known.online ? std::min(now, at) : now;
    // One that says stale was told without evidence, and what comes late may be taken for later.
    const bool sure = event.reason == "timeout" && event.freshness != Freshness::stale;
    known.offline_at = sure ? at : -1;
    if (event.reason == "bye" && !known.online) known.bye_told = std::max(known.bye_told, at);
}

// Only when something that holds people up has been going on for as long as may be, of late:
// faults, each with the two lifts that it may cost; and not when their consequences are over.
bool Model::may_be_stale(Time now) const {
    if (may_lack_witness(now)) return true;
    if (!shape_.holds_end() || calm(now, now)) return false;
    std::vector<Span> spans;
    for (const auto& fault : holding_) {
        const Time end = std::min(fault.end + tolerances::lifts_of_a_fault(shape_), now);
        const Time begin = std::max(fault.begin, now - tolerances::held_lately(shape_));
        if (begin < end) spans.push_back({begin, end});
    }
    Evidence::merge(spans);
    Time held = 0;
    for (const auto& span : spans)
        held += span.to - span.from;
    return held > tolerances::stale_least(shape_);
}

bool Model::only_cut_off(std::size_t collector, std::size_t tracker) const {
    if (shape_.collectors < 2 || tolerances::sighting_late(shape_) > shape_.grace) return false;
    const Time now = env_.scheduler.now();
    return std::none_of(of_evidence_.begin(), of_evidence_.end(), [&](const PlannedFault& fault) {
        const bool between =
            (fault.place == Place::frames &&
             fault.which == collector * shape_.trackers + tracker) ||
            (fault.place == Place::acks && fault.which == tracker * shape_.collectors + collector);
        const Time recovered = fault.end + tolerances::sighting_recovered(shape_);
        return !between && fault.begin < now && now < recovered;
    });
}

// With faults left out it may be one cut, and then it is as any other.
bool Model::halved() const {
    return shape_.halves && of_evidence_.size() > 1;
}

// A collector is given up, and no other hears all trackers: that takes two faults, or one of a
// tracker to which nobody spoke for a while, as of one that a list adds.
bool Model::may_lack_witness(Time now) const {
    if (shape_.trackers < 2) return false;
    std::size_t faults = 0;
    for (const auto& fault : of_evidence_)
        if (fault.begin < now && now < fault.end + tolerances::sighting_recovered(shape_))
            faults += fault.place == Place::tracker ? 2 : 1;
    return faults > 1;
}

// Gap-free per slot, and changes only.
void Model::judge_order(std::size_t tracker, Tracker& state, std::size_t user, const Event& event) {
    auto& stream = state.streams[event.slot];
    const auto expected = event.epoch == stream.epoch ? stream.seq + 1 : 1;
    const auto name = "t" + std::to_string(tracker);
    if (event.epoch < stream.epoch || event.seq != expected)
        wrong(user, name, event,
              "follows " + std::to_string(stream.epoch) + "." + std::to_string(stream.seq));
    stream = {event.epoch, event.seq};
    const bool status =
        event.state == State::online && (event.reason == "status" || event.reason == "ttl");
    const bool online = state.users[user].online;
    if (status ? !online : online == (event.state == State::online))
        wrong(user, name, event, "the same state was said before");
}

void Model::judge_online(std::size_t tracker, const TrackerUser& state, std::size_t user,
                         const Event& event) {
    const Time now = env_.scheduler.now();
    const auto& reads = evidence_.reads(user);
    const bool after_timeout = state.offline_at >= 0;
    const bool justified = std::any_of(reads.begin(), reads.end(), [&](const Read& beat) {
        if (beat.bye || beat.from > now) return false;
        // One whose deadline had passed brings nobody back.
        const Time slack = tolerances::of_length(beat.ttl + beat.age) + tolerances::kBackOnline;
        const Time until = beat.latest() + beat.ttl + slack + evidence_.taken_later_by(beat);
        return !after_timeout || until > state.offline_at;
    });
    if (!justified)
        wrong(user, "t" + std::to_string(tracker), event,
              "no heartbeat that was read can bring them online");
}

// Whether heartbeats held the user online from one time to another without a break.
bool Model::held_throughout(std::size_t user, Time from, Time to) {
    if (evidence_.none_holds(user, to)) return false;
    ++judged_.offlines_held;
    const auto spans = evidence_.surely_online(user, to, false);
    return std::any_of(spans.begin(), spans.end(),
                       [&](const Span& span) { return span.from <= from && span.to > to; });
}

void Model::judge_timeout(std::size_t tracker, const TrackerUser& state, std::size_t user,
                          const Event& event, Time at) {
    ++judged_.timeouts;
    const auto name = "t" + std::to_string(tracker);
    const Time now = env_.scheduler.now();
    if (held_throughout(user, state.changed, now))
        wrong(user, name, event,
              "heartbeats were read all the time since " + seconds(state.changed));
    if (event.reason != "timeout") return;
    if (at > now + tolerances::of_length(0)) wrong(user, name, event, "at_ms is in the future");
    // What comes late, from a link that was cut, may come after a bye that ended what it tells of.
    const bool late = !calm(at, now) || at <= state.bye_told;
    if (const Time bye = evidence_.bye_after(user, at, now); bye > 0 && !late)
        wrong(user, name, event,
              "at_ms is " + seconds(at) + ", but a session lived until its bye at " + seconds(bye));
    if (evidence_.none_holds(user, at)) return;
    if (const Time deadline = evidence_.last_deadline(user, at, now); deadline > at)
        wrong(user, name, event,
              "at_ms is " + seconds(at) + ", but a heartbeat held until " + seconds(deadline));
}

// Whatever happens to others: nothing moves a deadline beyond its bound, and a tracker that runs
// tells of it by then. Of users without an edge, whose silence has bounds of its own.
void Model::judge_bound(std::size_t tracker, std::size_t user, const Event& event, Time at) {
    if (!shape_.holds_end() || shape_.lists_change || shape_.crowded > 0) return;
    const Time now = env_.scheduler.now();
    Time bound = 0;
    for (const auto& read : evidence_.reads(user)) {
        if (read.from > now) break;
        if (!read.edge.empty()) return;
        const Time ttl = read.bye ? shape_.ttl_max : read.ttl;
        bound = std::max(bound, read.latest() + evidence_.taken_later_by(read) +
                                    tolerances::held_at_most(ttl, shape_));
    }
    if (std::any_of(of_trackers_.begin(), of_trackers_.end(), [&](const PlannedFault& fault) {
            return fault.which == tracker && fault.begin < now;
        }))
        return;
    ++judged_.bounds;
    const auto name = "t" + std::to_string(tracker);
    const Time late = tolerances::told_within(shape_);
    if (at > bound + late)
        wrong(user, name, event, "nothing moves a deadline beyond " + seconds(bound));
    if (now > at + shape_.freeze_max + late)
        wrong(user, name, event,
              "its deadline passed at " + seconds(at) + ", and nothing holds that up for so long");
}

void Model::judge_bye(std::size_t tracker, const TrackerUser& state, std::size_t user,
                      const Event& event, Time at) {
    const auto name = "t" + std::to_string(tracker);
    const Time now = env_.scheduler.now();
    const auto& reads = evidence_.reads(user);
    if (std::none_of(reads.begin(), reads.end(), [&](const Read& r) {
            return r.bye && r.from <= now && r.to > state.changed - tolerances::kByeLate;
        }))
        wrong(user, name, event, "no bye of theirs was read");
    // One that was handed out is in the journal, with how far frames were applied.
    const auto read = std::count_if(reads.begin(), reads.end(),
                                    [&](const Read& r) { return r.bye && r.from <= now; });
    // The same row may be applied by two trackers, one after the other, while a list is rolled out.
    // And who comes late, but for their linger in time, is told to have left once more.
    if (++byes_told_[user] > read && !evidence_.any_forgotten() && !shape_.lists_change &&
        shape_.linger == 0)
        wrong(user, name, event, "all byes that were read have been told before");
    if (event.freshness == Freshness::stale || evidence_.none_holds(user, at)) return;
    // What is told of a time long past, as its link comes back, has times of its own.
    if (!timed_ || cut_off_since(at)) return;
    // Who the user's tracker is since then may not know of another session.
    if (const Time deadline = evidence_.last_deadline(user, at, now, true); deadline > at)
        wrong(user, name, event,
              "at_ms is " + seconds(at) + ", but another session holds until " + seconds(deadline));
}

void Model::sink_started(std::size_t sink) {
    const Time now = env_.scheduler.now();
    for (auto& life : sinks_)
        if (life.number == sink && life.ended == kNever) life.ended = now;
    sinks_.push_back({sink, now, kNever, std::vector<SinkUser>(shape_.users)});
}

// When the user's tracker last said online, as far as the sink has been told its stream.
Time Model::tracker_said_online(std::size_t user, const Event& event) const {
    const auto position = std::pair(event.epoch, event.seq);
    for (auto it = said_[user].rbegin(); it != said_[user].rend(); ++it)
        if (it->online && std::pair(it->epoch, it->seq) <= position) return it->time;
    return env_.scheduler.now();
}

// Whether the user's tracker said offline after what the sink had been told, and not after the
// event.
bool Model::tracker_said_offline(std::size_t user, const SinkUser& known,
                                 const Event& event) const {
    return std::any_of(said_[user].begin(), said_[user].end(), [&](const HandedOut& said) {
        const auto position = std::pair(said.epoch, said.seq);
        return !said.online && position > std::pair(known.epoch, known.seq) &&
               position <= std::pair(event.epoch, event.seq);
    });
}

Model::SinkUser& Model::of_sink(std::size_t sink, std::size_t user) {
    const auto life = std::find_if(sinks_.begin(), sinks_.end(), [&](const Sink& s) {
        return s.number == sink && s.ended == kNever;
    });
    return life->users[user];
}

void Model::missed(std::size_t sink, const std::string& user) {
    ++judged_.missed;
    of_sink(sink, user_of_.at(user)).missed = true;
}

void Model::told(std::size_t sink, const Event& event) {
    ++judged_.told;
    const auto name = "sink" + std::to_string(sink);
    const auto found = user_of_.find(event.user);
    if (found == user_of_.end()) return fail_(name + " is told of a user that never was");
    const auto user = found->second;
    auto& known = of_sink(sink, user);
    const Time now = env_.scheduler.now();
    const bool online = event.state == State::online;

    digest(name, event);
    if (std::pair(event.epoch, event.seq) < std::pair(known.epoch, known.seq))
        wrong(user, name, event, "an older event after a newer one");
    if (known.known && known.online == online && (!online || known.status == event.status)) {
        if (!known.missed) wrong(user, name, event, "nothing new");
        ++judged_.told_again;
    }
    known.missed = false;
    if (!online && known.online && !tracker_said_offline(user, known, event) &&
        held_throughout(user, known.online_since, now))
        wrong(user, name, event,
              "heartbeats were read all the time since " + seconds(known.online_since));
    if (online && !known.online) known.online_since = tracker_said_online(user, event);
    known.known = true;
    known.online = online;
    known.status = event.status;
    known.epoch = event.epoch;
    known.seq = event.seq;
    known.history.push_back({now, online, event.status});
}

}  // namespace presence::simulation
