// What a heartbeat and a bye do.
#include <algorithm>

#include "common/bugs.hpp"
#include "common/limits.hpp"
#include "tracker/roster/roster_impl.hpp"

namespace presence::tracker {
namespace {

// Moves `read` and `ttl` (of a record or a session) on, unless the heartbeat is older.
template <class T>
void advance(T& held, Tick tick, std::uint32_t ttl, const TickWindow& window) {
    const auto read = window.widen(held.read);
    if (tick < read) return;
    held.ttl = tick > read ? ttl : std::max(held.ttl, ttl);
    held.read = static_cast<std::uint32_t>(tick);
}

}  // namespace

bool Roster::Impl::within_limits(const Beat& beat) {
    return !beat.user.empty() && beat.user.size() <= kUserBytesMax &&
           beat.session.size() <= kNameBytesMax && beat.edge.size() <= kNameBytesMax &&
           (!beat.status || beat.status->size() <= kNameBytesMax) &&
           (beat.bye ? beat.ttl_ms <= kLingerMaxMs
                     : beat.ttl_ms >= kTtlMinMs && beat.ttl_ms <= kTtlMaxMs);
}

void Roster::Impl::take(const Beat& beat, std::optional<UserNumber> hint, WallOffset wall,
                        std::vector<Event>& out) {
    if (!within_limits(beat))
        ++counters["malformed"];
    else if (beat.bye)
        on_bye(beat);
    else
        on_beat(beat, hint, wall, out);
}

void Roster::Impl::on_beat(const Beat& beat, std::optional<UserNumber> hint, WallOffset wall,
                           std::vector<Event>& out) {
    auto tick = clock.of_read(beat.at);
    make_room(tick);
    tick = window.clamp(tick);
    if (tick + beat.ttl_ms < event_time) {
        ++counters["stale"];
        return;
    }
    if (!beat.session.empty() && !tombstones.empty()) {
        const auto bye =
            tombstones.covering(Tombstones::key(beat.hash, beat.edge, beat.session), tick);
        if (bye && !undone(*bye, beat.hash)) return after_its_bye(beat, tick, *bye, wall, out);
    }
    take_alive(beat, tick, hint, wall, out);
}

// One that its bye overtook tells what was before that, as if they had come in their order.
void Roster::Impl::after_its_bye(const Beat& beat, Tick tick, const Tombstones::Bye& bye,
                                 WallOffset wall, std::vector<Event>& out) {
    if (tick >= bye.at || bye.end < event_time) {
        ++counters["after_bye"];
        return;
    }
    take_alive(beat, tick, {}, wall, out);
    const auto user = find(beat.hash, beat.user);
    const auto edge = edges.find(beat.edge);
    if (!user || !edge) return;
    auto* const session = records[*user].sessions.find(*edge, beat.session);
    if (session) leave(*user, beat.hash, *session, bye);
}

// Inlined, as a call costs each heartbeat 30 instructions.
[[gnu::always_inline]] inline void Roster::Impl::take_alive(const Beat& beat, Tick tick,
                                                            std::optional<UserNumber> hint,
                                                            WallOffset wall,
                                                            std::vector<Event>& out) {
    auto user = hint && records[*hint].id() == beat.user ? hint : find(beat.hash, beat.user);
    if (!user) {
        user = add_user(beat, tick, wall);
        if (!user) return;
        const auto& record = records[*user];
        out.push_back(event(record, slot_of(beat.hash), State::online, Reason::heartbeat,
                            record.since_ms, beat.ttl_ms));
        return;
    }
    auto& record = records[*user];
    if (record.single() && beat.session.empty() && !beat.status &&
        edges.find_bytes(beat.edge) == record.edge) {
        const auto ttl = record.ttl;
        advance(record, tick, beat.ttl_ms, window);
        if (record.ttl != ttl || record.needs_arming(record.read)) set_deadline(*user);
        if (record.ttl > ttl)
            out.push_back(event(record, slot_of(beat.hash), State::online, Reason::ttl,
                                millis(wall.at(beat.at)), record.ttl));
        else if (record.ttl < ttl)
            note_news(slot_of(beat.hash));
    } else {
        refresh_listed(*user, beat, tick, wall, out);
    }
}

void Roster::Impl::refresh_listed(UserNumber user, const Beat& beat, Tick tick, WallOffset wall,
                                  std::vector<Event>& out) {
    auto& record = records[user];
    const auto ttl = ttl_max(record);
    const auto edge = edges.find_or_other(beat.edge);
    counters["edges_limit"] += edge == kOtherEdge;
    Session* session = nullptr;
    if (record.single()) {
        if (edge == record.edge && beat.session.empty()) {
            to_list(record);
            session = record.sessions.begin();
        }
    } else if (edge) {
        session = record.sessions.find(*edge, beat.session);
    }
    if (session && after_bye(*session, tick, lifted_to(beat.hash))) {
        ++counters["after_bye"];
        return;
    }
    const bool may_change = beat.status || !session || session->left;
    const std::string status_before(may_change ? record.sessions.status(window) : "");
    if (!session || session->left)
        session = add_session(record, beat, tick);
    else if (session->shared)
        join(*session, tick, beat.ttl_ms);
    else
        advance(*session, tick, beat.ttl_ms, window);
    if (tick > window.widen(record.read)) record.read = low(tick);
    std::optional<Reason> news;
    if (ttl_max(record) > ttl) news = Reason::ttl;
    if (beat.status) record.sessions.tell(session, tick, tick, *beat.status, window);
    if (may_change && record.sessions.status(window) != status_before) news = Reason::status;
    if (news)
        out.push_back(event(record, slot_of(beat.hash), State::online, *news,
                            millis(wall.at(beat.at)), ttl_max(record)));
    else if (ttl_max(record) < ttl)
        note_news(slot_of(beat.hash));
    to_single_if_possible(record);
    set_deadline(user);
}

std::optional<Roster::Impl::UserNumber> Roster::Impl::add_user(const Beat& beat, Tick tick,
                                                               WallOffset wall) {
    if (beat.hash != hash_of(beat.user)) {
        ++counters["malformed"];
        return std::nullopt;
    }
    if (records.living() >= options.users_max ||
        table.search(beat.hash).same >= UserIndex::kSameMax) {
        ++counters["users_limit"];
        unknown_until = std::max(unknown_until, tick + beat.ttl_ms);
        return std::nullopt;
    }
    const auto edge = acquire_edge(beat);
    counters["edges_limit"] += edge == kOtherEdge;
    const auto user = add_record(beat.user, beat.hash, tick, millis(wall.at(beat.at)));
    ++session_count;
    auto& record = records[user];
    record.ttl = beat.ttl_ms;
    record.edge = edge;
    if (!beat.session.empty() || beat.status || edge == kOtherEdge) {
        auto* session = record.sessions.add(edge, beat.session, low(tick), beat.ttl_ms);
        session->shared = edge == kOtherEdge;
        if (beat.status) record.sessions.tell(session, tick, tick, *beat.status, window);
    }
    set_deadline(user);
    return user;
}

Roster::Impl::UserNumber Roster::Impl::add_record(std::string_view id, std::uint64_t hash,
                                                  Tick read, std::int64_t since_ms) {
    const auto user = records.add(id);
    table.add(hash, user);
    auto& record = records[user];
    record.since_ms = since_ms;
    record.read = low(read);
    return user;
}

EdgeIndex Roster::Impl::acquire_edge(const Beat& beat) {
    const auto edge = edges.acquire(beat.edge);
    if (is_named(edge) && edges.references(edge) == 1)
        leases.begin(edge, clock.of_read(std::max(beat.at, beat.read)));
    return edge;
}

Session* Roster::Impl::add_session(UserRecord& record, const Beat& beat, Tick tick) {
    if (auto* const shared = share(record, beat, tick)) return shared;
    if (const auto known = edges.find(beat.edge); known && !record.single())
        if (auto* const left = record.sessions.find(*known, beat.session)) {
            left->come_back(low(tick), beat.ttl_ms);
            return left;
        }
    const auto edge = acquire_edge(beat);
    if (record.single()) to_list(record);
    ++session_count;
    auto* const session = record.sessions.add(edge, beat.session, low(tick), beat.ttl_ms);
    session->shared = edge == kOtherEdge;
    if (edges.references(kHeldEdge) == 0) return session;
    if (record.sessions.find(kHeldEdge, {}) != nullptr) note_news(slot_of(beat.hash));
    if (beat.status) return session;
    inherit_status(record, session);
    return record.sessions.find(edge, beat.session);  // they may have moved
}

void Roster::Impl::to_list(UserRecord& record) {
    record.sessions.add(record.edge, {}, record.read, record.ttl);
}

void Roster::Impl::to_single_if_possible(UserRecord& record) {
    if (record.sessions.count() != 1) return;
    const auto only = *record.sessions.begin();
    // The record's `read` may be that of a session that ended.
    if (only.name_bytes != 0 || only.told() || only.shared || only.left || only.read != record.read)
        return;
    record.edge = only.edge;
    record.ttl = only.ttl;
    record.sessions.clear();
}

void Roster::Impl::end_session(UserRecord& record, Session* session) {
    edges.release(session->edge);
    record.sessions.remove(session);
    --session_count;
}

std::size_t Roster::Impl::staying(const UserRecord& record) {
    std::size_t count = 0;
    for (auto* s = record.sessions.begin(); s != record.sessions.end(); s = SessionList::next(s))
        count += !s->left;
    return count;
}

// Of the unnamed session, a heartbeat in the bye's own millisecond may have been said after it. The
// last to come counts, as the rows of one message keep their order.
bool Roster::Impl::after_bye(const Session& session, Tick tick, Tick floor) const {
    if (!leaves(session, floor) || bug(Bug::revived_after_bye)) return false;
    const auto bye = window.widen(session.read);
    return session.name_bytes == 0 ? tick < bye : tick <= bye + kByeTicks;
}

void Roster::Impl::on_bye(const Beat& beat) {
    make_room(clock.of_read(beat.at));
    const auto tick = window.clamp(bug(Bug::bye_at_once) ? event_time : clock.of_read(beat.at));
    // Not before it was read, as until then event time has not come further.
    const auto read = clock.of_read(std::max(beat.at, beat.read));
    Tombstones::Bye bye{tick, tick + Tick{beat.ttl_ms}};
    if (!bug(Bug::bye_before_read) && !bug(Bug::bye_at_once)) bye.end = std::max(bye.end, read);
    if (!beat.session.empty() && tick + kByeTicks >= event_time)
        tombstones.remember(Tombstones::key(beat.hash, beat.edge, beat.session), bye);
    const auto user = find(beat.hash, beat.user);
    const auto edge = edges.find(beat.edge);
    if (!user || !edge) return;
    auto& record = records[*user];
    if (record.single()) {
        if (!beat.session.empty() || *edge != record.edge) return;
        to_list(record);
    }
    auto* session = record.sessions.find(*edge, beat.session);
    if (session) leave(*user, beat.hash, *session, bye);
    to_single_if_possible(record);
}

void Roster::Impl::leave(UserNumber user, std::uint64_t hash, Session& session,
                         const Tombstones::Bye& bye) {
    if (session.shared && !bug(Bug::shared_session_ends)) return;  // who else is in it may live
    const auto memory = session.name_bytes == 0 ? Tick{0} : kByeTicks;
    if (!session.left && bye.at + memory < window.widen(session.read)) {
        ++counters["stale"];
        return;
    }
    if (undone(bye, hash)) return;
    // Not later than it would have ended by itself; one that only its silent edge holds still may
    // linger for its ttl.
    const auto own = life(session, lifted_to(hash));
    auto whole = leases.deadline(session.edge, own.began, own.length);
    if (whole < event_time) whole = std::max(event_time, bye.at + Tick{session.ttl});
    if (whole < bye.at) return;  // it is over by then
    const auto end = std::min(bye.end, whole);
    // Of several byes the one that ends first counts.
    if (session.left && end >= own.end()) return;
    session.leave(low(bye.at), low(end - bye.at));
    limit_left(records[user]);
    set_deadline(user);
}

void Roster::Impl::limit_left(UserRecord& record) {
    Session* first = nullptr;
    for (auto* s = record.sessions.begin(); s != record.sessions.end(); s = SessionList::next(s))
        if (s->left && (!first || rank_of_end(*s) < rank_of_end(*first))) first = s;
    if (record.sessions.count() - staying(record) <= kSessionsPerUserMax) return;
    ++counters["lingering_limit"];
    end_session(record, first);
}

bool Roster::end(std::uint64_t hash, std::string_view user, std::optional<std::string_view> session,
                 Instant at, WallOffset wall, std::vector<Event>& out) {
    auto& in = *impl_;
    const auto index = in.find(hash, user);
    if (!index) return false;
    auto& record = in.records[*index];
    if (record.single()) in.to_list(record);
    const std::string status_before(record.sessions.status(in.window));
    Impl::Ending last;
    const auto end = [&](Session* s) {
        last = std::max(last, {in.deadline_of(*s), s->ttl, true});
        in.end_session(record, s);
    };
    if (!session) {
        while (!record.sessions.empty())
            end(record.sessions.begin());
    } else {
        auto* const named = record.sessions.find(kUnnamedEdge, *session);
        if (!named || named->shared) {
            in.to_single_if_possible(record);
            return named != nullptr;
        }
        end(named);
    }
    in.after_endings(*index, hash, Reason::bye, last, millis(wall.at(at)), status_before, wall,
                     out);
    return true;
}

bool Roster::linger(std::uint64_t hash, std::string_view user,
                    std::optional<std::string_view> session, Instant at, Duration linger) {
    auto& in = *impl_;
    const auto index = in.find(hash, user);
    if (!index) return false;
    const auto tick = in.clock.of_read(at);
    in.make_room(tick);
    auto& record = in.records[*index];
    if (record.single()) in.to_list(record);
    auto* const named = session ? record.sessions.find(kUnnamedEdge, *session) : nullptr;
    // As if a last heartbeat had had that ttl.
    for (auto* s = record.sessions.begin(); s != record.sessions.end(); s = SessionList::next(s)) {
        if (session ? s != named || s->shared : false) continue;
        const auto left = std::min(linger / 1ms, in.deadline_of(*s) - tick);
        if (left < 0) continue;  // it is over by then
        record.read = s->read = Impl::low(tick);
        s->ttl = static_cast<std::uint32_t>(left);
    }
    in.to_single_if_possible(record);
    in.set_deadline(*index);
    return !session || named != nullptr;
}

void Roster::Impl::after_endings(UserNumber user, std::uint64_t hash, Reason reason, Ending last,
                                 std::int64_t at_ms, std::string_view status_before,
                                 WallOffset wall, std::vector<Event>& out) {
    auto& record = records[user];
    if (record.sessions.empty()) {
        auto e = event(record, slot_of(hash), State::offline, reason, at_ms, last.ttl_ms);
        e.last_seen_ms = millis(wall.at(clock.instant(window.widen(record.read))));
        if (doubts.of(user) > last.deadline && !bug(Bug::stale_untold)) {
            e.freshness = Freshness::stale;
            ++counters["offline_in_doubt"];
        }
        out.push_back(std::move(e));
        remove_user(user, hash);
        return;
    }
    if (record.sessions.status(window) != status_before)
        out.push_back(
            event(record, slot_of(hash), State::online, Reason::status, at_ms, ttl_max(record)));
    else if (last.ttl_ms > ttl_max(record))
        note_news(slot_of(hash));
    to_single_if_possible(record);
    set_deadline(user);
}

void Roster::Impl::release_sessions(UserRecord& record) {
    if (record.single()) to_list(record);
    while (!record.sessions.empty())
        end_session(record, record.sessions.begin());
}

void Roster::Impl::forget(UserNumber user, std::uint64_t hash) {
    release_sessions(records[user]);
    remove_user(user, hash);
}

void Roster::Impl::remove_user(UserNumber user, std::uint64_t hash) {
    table.remove(hash, user);
    deadlines.erase(user);
    doubts.forget(user);
    records.remove(user);
}

}  // namespace presence::tracker
