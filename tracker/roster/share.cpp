// Sessions for which there is no room: they share that of another.
#include <algorithm>
#include <utility>

#include "common/bugs.hpp"
#include "common/limits.hpp"
#include "tracker/roster/roster_impl.hpp"

namespace presence::tracker {

// The one to share, of those on `edge` or, given none, of all that heartbeats can reach: already
// shared, or else the last to end, so that its end moves as little as may be.
Session* Roster::Impl::to_share(UserRecord& record, std::optional<EdgeIndex> edge,
                                const Session* except) const {
    const auto rank = [&](const Session& s) {
        return std::pair(static_cast<bool>(s.shared), rank_of_end(s));
    };
    Session* best = nullptr;
    for (auto* s = record.sessions.begin(); s != record.sessions.end(); s = SessionList::next(s)) {
        const bool fits = !s->left && (edge ? s->edge == *edge : s->edge != kHeldEdge);
        if (s != except && fits && (!best || rank(*s) > rank(*best))) best = s;
    }
    return best;
}

// Nobody in it ends earlier than by a session of their own.
void Roster::Impl::join(Session& session, Tick read, std::uint32_t ttl) const {
    session.shared = true;
    session.read = low(std::max(window.widen(session.read), read));
    session.ttl = std::max(session.ttl, ttl);
}

// Makes room for a session on an edge of its own, which has its own lease: of two on one edge the
// first to end goes into the other. False if all are on edges of their own.
bool Roster::Impl::join_two(UserRecord& record) {
    Session* first = nullptr;
    for (auto* s = record.sessions.begin(); s != record.sessions.end(); s = SessionList::next(s))
        if (!s->left && (!first || rank_of_end(*s) < rank_of_end(*first)) &&
            to_share(record, s->edge, s) != nullptr)
            first = s;
    if (!first) return false;
    auto* into = to_share(record, first->edge, first);
    join(*into, window.widen(first->read), first->ttl);
    const auto edge = first->edge;
    const std::string name(first->name()), status(first->status());
    if (first->told())
        record.sessions.tell(into, window.widen(first->told_at), window.widen(first->said_since()),
                             status, window);  // they moved
    end_session(record, record.sessions.find(edge, name));
    return true;
}

// The session that the heartbeat shares; none if there is room for its own now.
Session* Roster::Impl::share(UserRecord& record, const Beat& beat, Tick tick) {
    if (staying(record) < kSessionsPerUserMax) return nullptr;
    ++counters["sessions_limit"];
    if (bug(Bug::session_limit_drops)) return record.sessions.begin();
    const auto edge = edges.find_or_other(beat.edge);
    auto* session = edge ? to_share(record, edge, nullptr) : nullptr;
    if (!session && join_two(record)) return nullptr;
    if (!session) session = to_share(record, {}, nullptr);
    join(*session, tick, beat.ttl_ms);
    return session;
}

}  // namespace presence::tracker
