#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/limits.hpp"
#include "tests/support/roster_model_state.hpp"
#include "tracker/roster/roster.hpp"

namespace presence::testing {

using tracker::Beat;
using tracker::Roster;

// The rules of tracker/roster/roster.hpp written down plainly: maps, 64-bit times, everybody looked
// at each time. Shares the vocabulary with the roster, and no code.
class RosterModel {
public:
    explicit RosterModel(Roster::Options options, Instant origin)
        : users_max_(options.users_max),
          origin_(origin),
          edge_timeout_(options.edge_timeout / std::chrono::milliseconds(1)),
          hold_(edge_timeout_ + options.edge_grace / std::chrono::milliseconds(1)),
          hold_max_(options.hold_max / std::chrono::milliseconds(1)) {}

    void apply(const Beat& beat, WallOffset wall, std::vector<Event>& out) {
        beat.bye ? on_bye(beat) : on_beat(beat, wall, out);
    }

    void lease(const std::string& name, Instant read) {
        if (name.empty() || !used(name)) return;
        auto& edge = edges_[name];
        const Ms now = read_tick(read), silent = now - edge.heard;
        if (silent <= 0) return;
        if (silent > edge_timeout_)
            edge.silences.emplace_back(edge.heard, std::min(now, edge.heard + hold_));
        edge.heard = now;
    }

    void restore(const Roster::Held& held) {
        const std::string id(held.user);
        users_.erase(id);
        if (users_.size() >= users_max_) return void(++counters["users_limit"]);
        const auto tick = read_tick(held.last_seen);
        auto& s = users_[id].sessions[kHeld];
        users_[id].since_ms = held.since_ms;
        users_[id].seen = s.read = tick;
        s.ttl = held.ttl_ms;
        if (held.status)
            s.told = Told{std::numeric_limits<Ms>::min(), std::numeric_limits<Ms>::min(),
                          ++told_count_, std::string(*held.status)};
    }
    void forget(const std::string& id) { users_.erase(id); }
    void end_all(const char* reason, std::int64_t at_ms, WallOffset wall, std::vector<Event>& out) {
        for (auto& [id, user] : users_) {
            out.push_back(told_event(id, user, State::offline, reason, at_ms, ttl_max(user)));
            out.back().last_seen_ms = shown(user.seen, wall);
        }
        users_.clear();
    }

    void expire(Instant event_time, WallOffset wall, std::vector<Event>& out) {
        const auto tick = event_tick(event_time);
        event_time_ = std::max(event_time_.value_or(tick), tick);
        std::erase_if(byes_, [&](const auto& bye) { return bye.second.at + 2'000 < *event_time_; });
        std::vector<std::string> ids;
        for (const auto& [id, user] : users_)
            ids.push_back(id);
        for (const auto& id : ids)
            settle(id, wall, out);
    }

    void lift(Instant now) {
        lifted_ = std::max(lifted_.value_or(read_tick(now)), read_tick(now));
        for (auto& [id, user] : users_)
            user.lift_doubts(read_tick(now), event_time_);
        for (auto& [name, edge] : edges_)
            edge.heard = std::max(edge.heard, *lifted_);
    }
    void on_stop(Instant from, Instant to) { stops_.emplace_back(event_tick(from), read_tick(to)); }
    void run_on(bool without_evidence, Instant now) {
        without_evidence_ = without_evidence;
        if (without_evidence) return;
        for (auto& [id, user] : users_)
            user.close_doubts(read_tick(now));
    }
    void drop(Slot slot) {
        std::erase_if(users_,
                      [&](const auto& user) { return slot_of(hash_of(user.first)) == slot; });
    }

    struct View {
        std::int64_t since_ms, last_seen_ms;
        std::uint32_t ttl_ms, sessions;
        std::string status;
        friend bool operator==(const View&, const View&) = default;
    };
    std::optional<View> find(const std::string& id, WallOffset wall) const {
        const auto it = users_.find(id);
        if (it == users_.end()) return std::nullopt;
        const auto& user = it->second;
        return View{user.since_ms, shown(user.seen, wall), ttl_max(user),
                    static_cast<std::uint32_t>(user.sessions.size()), status_of(user)};
    }
    std::optional<Instant> next_deadline() const {
        std::optional<std::int64_t> next;
        for (const auto& [id, user] : users_)
            for (const auto& [key, s] : user.sessions)
                next = std::min(next.value_or(fate(key, s).at), fate(key, s).at);
        if (!next) return std::nullopt;
        return origin_ + std::chrono::milliseconds(*next);
    }
    std::size_t users() const { return users_.size(); }
    std::size_t sessions() const {
        std::size_t n = 0;
        for (const auto& [id, user] : users_)
            n += user.sessions.size();
        return n;
    }
    tracker::TrackerCounters counters;

private:
    using Ms = roster_model::Ms;  // since origin
    using Key = roster_model::Key;
    // The session of a user of an earlier run, which nothing from outside can name.
    inline static const Key kHeld{"\1", ""};
    using Told = roster_model::Told;
    using Session = roster_model::Session;
    using Sessions = roster_model::Sessions;
    using User = roster_model::User;
    using Edge = roster_model::Edge;
    using Times = roster_model::Times;
    bool used(const std::string& edge) const {
        for (const auto& [id, user] : users_)
            for (const auto& [key, s] : user.sessions)
                if (key.first == edge && key != kHeld) return true;
        return false;
    }
    static Ms silent_within(const Edge& edge, Ms from) {
        return roster_model::sum_after(edge.silences, from);
    }
    enum class Fate { lives, times_out, is_lost };
    struct End {
        Fate fate;
        Ms at;  // lives: the first time at which it may not
    };
    // Nothing holds it for longer.
    Ms bound(const Session& s) const {
        const Ms length = leaves(s) ? s.bye->end - s.bye->at : s.ttl;
        const Ms heard = std::max<Ms>(s.bye ? s.bye->at : s.read, 0);
        return heard + roster_model::sum_after(stops_, heard) + hold_max_ + 2 * length;
    }
    End fate(const Key& key, const Session& s) const {
        const Ms own = deadline(s), length = leaves(s) ? s.bye->end - s.bye->at : s.ttl;
        const Ms began = own - length;
        if (!event_time_ || own >= *event_time_) return {Fate::lives, own};
        const bool leased = !key.first.empty() && key != kHeld && length >= 2 * edge_timeout_;
        if (!leased) return {Fate::times_out, own};
        const auto& edge = edges_.at(key.first);
        const Ms due = own + silent_within(edge, began), most = bound(s);
        if (due >= *event_time_)
            return most < *event_time_ ? End{Fate::times_out, most}
                                       : End{Fate::lives, std::min(due, most)};
        if (due <= edge.heard + edge_timeout_) return {Fate::times_out, due};
        if (*event_time_ > edge.heard + hold_) return {Fate::is_lost, *event_time_};
        return most < *event_time_ ? End{Fate::times_out, most}
                                   : End{Fate::lives, std::min(edge.heard + hold_, most)};
    }

    // Of one that is over: something would hold it for longer, but for its bound.
    bool is_cut(const Key& key, const Session& s) const {
        const Ms most = bound(s);
        if (!leaves(s) && lifted_.value_or(s.read) > most - s.ttl) return true;
        const auto [fate, at] = this->fate(key, s);
        return fate == Fate::times_out && at == most && at != by_itself(key, s);
    }

    // By the silences of its edge that are over.
    Ms by_itself(const Key& key, const Session& s) const {
        const Ms own = deadline(s), length = leaves(s) ? s.bye->end - s.bye->at : s.ttl;
        if (key.first.empty() || key == kHeld || length < 2 * edge_timeout_) return own;
        return own + silent_within(edges_.at(key.first), own - length);
    }

    Ms event_tick(Instant t) const {
        return std::chrono::floor<std::chrono::milliseconds>(t - origin_).count();
    }
    Ms read_tick(Instant t) const {
        return std::chrono::ceil<std::chrono::milliseconds>(t - origin_).count();
    }
    std::int64_t shown(Ms tick, WallOffset wall) const {
        return millis(wall.at(origin_ + std::chrono::milliseconds(tick)));
    }
    bool leaves(const Session& s) const {
        return s.bye && lifted_.value_or(s.bye->at) <= s.bye->at;
    }
    Ms deadline(const Session& s) const {
        if (leaves(s)) return s.bye->end;
        return std::max(s.read, std::min(lifted_.value_or(s.read), bound(s) - s.ttl)) + s.ttl;
    }
    static std::size_t staying(const Sessions& all) {
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [](const auto& s) { return !s.second.bye; }));
    }
    static std::uint32_t ttl_max(const User& user) {
        std::uint32_t ttl = 0;
        for (const auto& [key, s] : user.sessions)
            ttl = std::max(ttl, s.ttl);
        return ttl;
    }
    static std::string status_of(const User& user) {
        const Told* last = nullptr;
        for (const auto& [key, s] : user.sessions)
            if (s.told && (!last || std::pair(s.told->since, s.told->order) >
                                        std::pair(last->since, last->order)))
                last = &*s.told;
        return last ? last->status : "";
    }
    static constexpr std::size_t kSessionsMax = 16;
    // The one that another shares: already shared, or the last to end.
    Sessions::iterator to_share(Sessions& all, std::optional<std::string> edge,
                                Sessions::iterator except) const {
        auto best = all.end();
        const auto rank = [&](Sessions::iterator s) {
            return std::tuple(s->second.shared, deadline(s->second), s->first);
        };
        for (auto s = all.begin(); s != all.end(); ++s)
            if (s != except && s->first != kHeld && !s->second.bye &&
                (!edge || s->first.first == *edge) && (best == all.end() || rank(s) > rank(best)))
                best = s;
        return best;
    }
    void tell(Session& session, Ms at, Ms since, const std::string& status) {
        if (session.told && at < session.told->at) return;
        if (session.told && session.told->status == status)
            session.told->at = at;
        else
            session.told = Told{at, since, ++told_count_, status};
    }
    static void join(Session& session, Ms read, std::uint32_t ttl) {
        session.shared = true;
        session.read = std::max(session.read, read);
        session.ttl = std::max(session.ttl, ttl);
    }
    bool join_two(Sessions& all) {
        auto first = all.end();
        for (auto s = all.begin(); s != all.end(); ++s)
            if (s->first != kHeld && !s->second.bye &&
                to_share(all, s->first.first, s) != all.end() &&
                (first == all.end() || std::pair(deadline(s->second), s->first) <
                                           std::pair(deadline(first->second), first->first)))
                first = s;
        if (first == all.end()) return false;
        auto& into = to_share(all, first->first.first, first)->second;
        const auto& from = first->second;
        join(into, from.read, from.ttl);
        if (from.told) tell(into, from.told->at, from.told->since, from.told->status);
        all.erase(first);
        return true;
    }
    // Which of the user's sessions the heartbeat is of, and whether it began with it.
    std::pair<Session*, bool> session_of(User& user, const Key& key) {
        auto& all = user.sessions;
        const auto own = all.find(key);
        if (own != all.end() && !own->second.bye) return {&own->second, false};
        if (staying(all) >= kSessionsMax) {
            ++counters["sessions_limit"];
            auto of_edge = to_share(all, key.first, all.end());
            if (of_edge != all.end()) return {&of_edge->second, false};
            if (!join_two(all)) return {&to_share(all, {}, all.end())->second, false};
        }
        return {&all[key], true};
    }

    static Event told_event(const std::string& id, const User& user, State state,
                            const char* reason, std::int64_t at_ms, std::uint32_t ttl) {
        Event e;
        e.user = id;
        e.state = state;
        e.reason = reason;
        e.at_ms = at_ms;
        e.since_ms = user.since_ms;
        e.ttl_ms = ttl;
        e.slot = slot_of(hash_of(id));
        if (state == State::online && !status_of(user).empty()) e.status = status_of(user);
        return e;
    }

    void on_beat(const Beat& beat, WallOffset wall, std::vector<Event>& out) {
        const auto tick = read_tick(beat.at);
        const std::string id(beat.user);
        const Key key(beat.edge, beat.session);
        if (event_time_ && tick + beat.ttl_ms < *event_time_) return void(++counters["stale"]);
        const auto known_bye = byes_.find({id, key});
        if (known_bye != byes_.end() &&
            lifted_.value_or(known_bye->second.at) <= known_bye->second.at &&
            tick <= known_bye->second.at + 2'000) {
            const auto bye = known_bye->second;
            if (tick >= bye.at || (event_time_ && bye.end < *event_time_))
                return void(++counters["after_bye"]);
            take_alive(beat, tick, wall, out);
            return leave(id, key, bye);
        }
        take_alive(beat, tick, wall, out);
    }
    void take_alive(const Beat& beat, Ms tick, WallOffset wall, std::vector<Event>& out) {
        const std::string id(beat.user);
        const Key key(beat.edge, beat.session);
        if (users_.contains(id) && users_[id].sessions.contains(key))
            if (const auto& left = users_[id].sessions[key].bye;
                left && leaves(users_[id].sessions[key]))
                if (key.second.empty() ? tick < left->at : tick <= left->at + 2'000)
                    return void(++counters["after_bye"]);
        const bool fresh = !users_.contains(id);
        if (fresh && users_.size() >= users_max_) return void(++counters["users_limit"]);
        const bool known = used(key.first);
        const auto at_ms = millis(wall.at(beat.at));
        auto& user = users_[id];
        if (fresh) user.since_ms = at_ms, user.seen = tick;
        const auto before = status_of(user);
        const auto ttl_before = ttl_max(user);
        const bool own = user.sessions.contains(key);
        const bool back = own && user.sessions[key].bye;
        const auto [session, new_session] = session_of(user, key);
        auto& s = *session;
        // What it told before its bye is older than what comes now.
        if (back && new_session) {
            if (s.told) s.told->at = s.bye->at;
            s.bye.reset();
        }
        if (new_session && !back && !key.first.empty() && !known)
            edges_[key.first] = {
                std::max(read_tick(std::max(beat.at, beat.read)), lifted_.value_or(tick)), {}};
        if (new_session && !back && !fresh && !beat.status && user.sessions.contains(kHeld))
            if (const auto& held = user.sessions[kHeld].told; held && held->status == before)
                s.told = Told{held->at, held->since, ++told_count_, held->status};
        if (s.shared || (!new_session && (!own || back)))
            join(s, tick, beat.ttl_ms);
        else if (new_session || tick > s.read)
            s.read = tick, s.ttl = beat.ttl_ms;
        else if (tick == s.read)
            s.ttl = std::max(s.ttl, beat.ttl_ms);
        user.seen = std::max(user.seen, tick);
        if (beat.status) tell(s, tick, tick, std::string(*beat.status));
        if (fresh)
            out.push_back(told_event(id, user, State::online, "heartbeat", at_ms, ttl_max(user)));
        else if (status_of(user) != before)
            out.push_back(told_event(id, user, State::online, "status", at_ms, ttl_max(user)));
        else if (ttl_max(user) > ttl_before)
            out.push_back(told_event(id, user, State::online, "ttl", at_ms, ttl_max(user)));
    }

    void on_bye(const Beat& beat) {
        const auto tick = read_tick(beat.at);
        const std::string id(beat.user);
        const Key key(beat.edge, beat.session);
        const Session::Bye bye{
            tick, std::max<Ms>(tick + beat.ttl_ms, read_tick(std::max(beat.at, beat.read)))};
        if (!key.second.empty() && !(event_time_ && tick + 2'000 < *event_time_)) {
            const auto [last, first] = byes_.try_emplace({id, key}, bye);
            if (!first && last->second.at < bye.at) last->second = bye;
        }
        leave(id, key, bye);
    }
    void leave(const std::string& id, const Key& key, const Session::Bye& said) {
        const auto tick = said.at;
        if (!users_.contains(id) || !users_[id].sessions.contains(key)) return;
        auto& user = users_[id];
        auto& s = user.sessions[key];
        if (s.shared) return;
        if (!s.bye && tick + (key.second.empty() ? 0 : 2'000) < s.read)
            return void(++counters["stale"]);
        if (lifted_ > tick) return;
        Ms whole = by_itself(key, s);
        if (event_time_ && whole < *event_time_) whole = std::max(*event_time_, tick + s.ttl);
        if (whole < tick) return;
        const Ms end = std::min(said.end, whole);
        if (s.bye && end >= deadline(s)) return;
        s.bye = {tick, end};
        auto first = user.sessions.end();
        for (auto it = user.sessions.begin(); it != user.sessions.end(); ++it)
            if (it->second.bye &&
                (first == user.sessions.end() || deadline(it->second) < deadline(first->second)))
                first = it;
        if (user.sessions.size() - staying(user.sessions) > kSessionsMax)
            user.sessions.erase(first);
    }

    void settle(const std::string& id, WallOffset wall, std::vector<Event>& out) {
        auto& user = users_[id];
        const auto before = status_of(user);
        std::optional<std::tuple<Ms, std::uint32_t, bool>> last;
        bool lost = false;
        std::erase_if(user.sessions, [&](const auto& session) {
            const auto [fate, at] = this->fate(session.first, session.second);
            if (fate == Fate::lives) return false;
            const bool cut = is_cut(session.first, session.second);
            const Ms length = std::max<Ms>(session.second.ttl, fate == Fate::is_lost ? hold_ : 0);
            if (without_evidence_)
                user.doubts.push_back({std::nullopt, length});
            else if (cut)
                user.doubts.push_back(
                    {std::max(*event_time_, lifted_.value_or(*event_time_)) + length, length});
            const std::tuple end(at, session.second.ttl, leaves(session.second));
            last = std::max(last.value_or(end), end);
            lost = lost || fate == Fate::is_lost;
            return true;
        });
        if (last)
            after_endings(id,
                          lost                 ? "edge_lost"
                          : std::get<2>(*last) ? "bye"
                                               : "timeout",
                          std::get<1>(*last), std::get<0>(*last), before, wall, out);
    }

    void after_endings(const std::string& id, const char* reason, std::uint32_t ttl, Ms at,
                       const std::string& status_before, WallOffset wall, std::vector<Event>& out) {
        const auto at_ms = shown(at, wall);
        auto& user = users_[id];
        if (user.sessions.empty()) {
            out.push_back(told_event(id, user, State::offline, reason, at_ms, ttl));
            out.back().last_seen_ms = shown(user.seen, wall);
            if (user.in_doubt(at)) out.back().freshness = Freshness::stale;
            users_.erase(id);
        } else if (status_of(user) != status_before) {
            out.push_back(told_event(id, user, State::online, "status", at_ms, ttl_max(user)));
        }
    }

    std::uint64_t users_max_;
    Instant origin_;
    Ms edge_timeout_, hold_, hold_max_;
    std::map<std::string, Edge> edges_;
    std::map<std::string, User> users_;
    std::map<std::pair<std::string, Key>, Session::Bye> byes_;
    std::optional<Ms> event_time_, lifted_;
    Times stops_;
    bool without_evidence_ = false;
    std::uint64_t told_count_ = 0;
};

}  // namespace presence::testing
