// Expiry, and what is told about a user.
#include <algorithm>

#include "common/bugs.hpp"
#include "common/limits.hpp"
#include "tracker/roster/roster_impl.hpp"

namespace presence::tracker {

bool Roster::expire(Instant event_time, WallOffset wall, std::size_t limit,
                    std::vector<Event>& out) {
    auto& in = *impl_;
    const auto tick = in.clock.of_event(event_time);
    in.make_room(tick);
    in.event_time = std::max(in.event_time, tick);
    in.tombstones.forget_before(in.event_time);

    in.due.clear();
    const bool more =
        in.deadlines.take_due(Impl::low(in.event_time), std::max<std::size_t>(limit, 1), in.due);
    for (const auto& d : in.due)
        in.records.prefetch(d.user);
    in.ripe.clear();
    for (const auto& d : in.due) {
        const auto at = in.ripe_at(d.user);
        if (!at) continue;
        const auto hash = hash_of(in.records[d.user].id());
        in.table.prefetch(hash);
        in.ripe.push_back({*at, hash, d.user});
    }
    std::sort(in.ripe.begin(), in.ripe.end(), [](const Impl::Ripe& a, const Impl::Ripe& b) {
        return std::pair(a.at, a.user) < std::pair(b.at, b.user);
    });
    for (const auto& ripe : in.ripe)
        in.settle(ripe, wall, out);
    return more;
}

std::optional<Tick> Roster::Impl::ripe_at(UserNumber user) {
    using Kind = EdgeLeases::Verdict::Kind;
    auto floor = kLongAgo;
    if (slots_held || newest_floor != kLongAgo) floor = floor_of(hash_of(records[user].id()));
    std::optional<Tick> last;
    auto next = kNever;
    bool lost = false;
    each_session(records[user], [&](const auto& held) {
        const auto [kind, at, cut] = verdict(held, floor);
        if (kind == Kind::lives)
            // Not later than it may end if the slot is lifted right now, and held no more.
            next = std::min({next, at, floor == kNever ? event_time + Tick{held.ttl} : kNever});
        else
            last = std::max(last.value_or(at), at);
        lost |= kind == Kind::lost;
    });
    if (lost && next == kNever && !edge_lost.take(event_time) && !bug(Bug::edge_lost_at_once)) {
        last.reset();
        next = edge_lost.turn(event_time);
    }
    if (!last) deadlines.set(user, low(next));
    return last;
}

void Roster::Impl::settle(const Ripe& ended, WallOffset wall, std::vector<Event>& out) {
    auto& record = records[ended.user];
    if (record.single()) to_list(record);
    const std::string status_before(record.sessions.status(window));
    Ending last;
    bool lost = false;
    for (auto* s = record.sessions.begin(); s != record.sessions.end();) {
        const auto floor = lifted_to(ended.hash);
        const auto [kind, at, cut] = verdict(*s, floor);
        if (kind == EdgeLeases::Verdict::Kind::lives) {
            s = SessionList::next(s);
            continue;
        }
        last = std::max(last, {at, s->ttl, leaves(*s, floor)});
        const bool of_edge = kind == EdgeLeases::Verdict::Kind::lost;
        lost |= of_edge;
        // A swallowed word of its edge would hold it as well.
        const auto length = std::max<Tick>(s->ttl, of_edge ? leases.hold_length() : 0);
        const bool open = without_evidence || (cut && floor == kNever);
        if (open || cut)
            doubts.keep(ended.user,
                        open ? Doubts::kOpen : std::max({event_time, floor, lifted}) + length,
                        length, event_time);
        end_session(record, s);
        s = record.sessions.begin();  // they moved
    }
    counters["edge_lost"] += lost && record.sessions.empty();
    const auto reason = lost ? Reason::edge_lost : last.bye ? Reason::bye : Reason::timeout;
    after_endings(ended.user, ended.hash, reason, last,
                  millis(wall.at(clock.instant(last.deadline))), status_before, wall, out);
}

void Roster::Impl::set_deadline(UserNumber user) {
    auto& record = records[user];
    if (record.single()) {
        record.arm();
        deadlines.set(user, low(deadline_of(record)));
        return;
    }
    auto first = std::numeric_limits<Tick>::max();
    for (auto* s = record.sessions.begin(); s != record.sessions.end(); s = SessionList::next(s))
        first = std::min(first, deadline_of(*s));
    deadlines.set(user, low(first));
}

// Once in six days: what is older than that is taken to be six days old, so that 32 bits do.
void Roster::Impl::clamp_all(Tick now) {
    const auto floor = TickWindow::floor_at(now);
    const auto clamp = [&](std::uint32_t& kept) {
        kept = low(std::max(window.widen(kept), floor));
    };
    for (UserNumber user = 0; user < records.end(); ++user) {
        auto& record = records[user];
        if (!record.living()) continue;
        clamp(record.read);
        for (auto* s = record.sessions.begin(); s != record.sessions.end();
             s = SessionList::next(s)) {
            // What undid a bye may be forgotten below.
            if (s->left && !leaves(*s, lifted_to(hash_of(record.id()))))
                s->come_back(low(std::min(window.widen(s->read), window.widen(record.read))),
                             s->ttl);
            clamp(s->read);
            if (!s->told()) continue;
            if (!s->left) clamp(s->told_at);
            auto since = s->said_since();
            clamp(since);
            s->set_said_since(since);
        }
    }
    if (lifted < floor) lifted = std::numeric_limits<Tick>::min();
    window.move_to(now);
    deadlines.clear();
    for (UserNumber user = 0; user < records.end(); ++user)
        if (records[user].living()) set_deadline(user);
}

Tick Roster::Impl::last_end(const UserRecord& record) const {
    auto last = kLongAgo;
    const auto floor = lifted_to(hash_of(record.id()));
    each_session(record, [&](const auto& held) { last = std::max(last, life(held, floor).end()); });
    return last;
}

std::uint32_t Roster::Impl::ttl_max(const UserRecord& record) const {
    if (record.single()) return record.ttl;
    std::uint32_t ttl = 0;
    for (auto* s = record.sessions.begin(); s != record.sessions.end(); s = SessionList::next(s))
        ttl = std::max(ttl, s->ttl);
    return ttl;
}

Event Roster::Impl::event(const UserRecord& record, Slot slot, State state, Reason reason,
                          std::int64_t at_ms, std::uint32_t ttl_ms) const {
    Event e;
    e.user = record.id();
    e.state = state;
    e.reason = name_of(reason);
    e.at_ms = at_ms;
    e.since_ms = record.since_ms;
    e.ttl_ms = ttl_ms;
    e.slot = slot;
    if (const auto status = record.sessions.status(window); !status.empty()) e.status = status;
    return e;
}

Roster::View Roster::Impl::view(const UserRecord& record, WallOffset wall) const {
    View v;
    v.user = record.id();
    v.hash = hash_of(v.user);
    v.since_ms = record.since_ms;
    v.last_seen_ms = millis(wall.at(clock.instant(window.widen(record.read))));
    v.ttl_ms = ttl_max(record);
    v.sessions = record.single() ? 1 : static_cast<std::uint32_t>(record.sessions.count());
    if (const auto status = record.sessions.status(window); !status.empty()) v.status = status;
    const auto floor = lifted_to(v.hash);
    bool leaving = true;
    each_session(record, [&](const auto& held) { leaving = leaving && leaves(held, floor); });
    if (leaving) v.leaves_at = clock.instant(last_end(record));
    return v;
}

}  // namespace presence::tracker
