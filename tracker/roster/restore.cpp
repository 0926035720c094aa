// Users of an earlier run, and the end of all.
#include <algorithm>

#include "common/limits.hpp"
#include "tracker/roster/roster_impl.hpp"

namespace presence::tracker {

bool Roster::restore(const Held& held) {
    auto& in = *impl_;
    Beat as_beat;
    as_beat.user = held.user;
    as_beat.status = held.status;
    as_beat.ttl_ms = held.ttl_ms;
    if (!Impl::within_limits(as_beat)) {
        ++in.counters["malformed"];
        return false;
    }
    const auto hash = hash_of(held.user);
    if (const auto known = in.find(hash, held.user)) in.forget(*known, hash);
    if (in.records.living() >= in.options.users_max) {
        ++in.counters["users_limit"];
        return false;
    }
    auto tick = in.clock.of_read(held.last_seen);
    in.make_room(tick);
    tick = in.window.clamp(tick);
    const auto user = in.add_record(held.user, hash, tick, held.since_ms);
    in.edges.acquire_held();
    in.held_ttl_max = std::max(in.held_ttl_max, held.ttl_ms);
    ++in.session_count;
    auto& record = in.records[user];
    record.ttl = held.ttl_ms;
    record.edge = kHeldEdge;
    if (held.status) {
        in.to_list(record);
        // When it was told only the wall clock knows, which may have been set since.
        const auto long_ago = in.window.clamp(std::numeric_limits<Tick>::min());
        record.sessions.tell(record.sessions.begin(), long_ago, long_ago, *held.status, in.window);
    }
    in.set_deadline(user);
    return true;
}

std::size_t Roster::shorten_held(
    const std::function<Instant(Instant last_seen, Duration ttl)>& until) {
    auto& in = *impl_;
    std::size_t shortened = 0;
    for (Impl::UserNumber user = 0; user < in.records.end(); ++user) {
        auto& record = in.records[user];
        if (!record.living()) continue;
        const auto read = in.window.widen(record.read);
        auto& ttl = record.single() ? record.ttl : record.sessions.begin()->ttl;
        const auto whole = in.began(read, ttl, in.lifted) + ttl;
        const auto end =
            in.clock.of_read(until(in.clock.instant(read), std::chrono::milliseconds{ttl}));
        const auto least = whole - ttl + kTtlMinMs;
        if (std::max(end, least) >= whole) continue;
        in.doubts.keep(user, whole, Tick{ttl}, in.event_time);
        ttl -= Impl::low(whole - std::max(end, least));
        in.set_deadline(user);
        ++shortened;
    }
    return shortened;
}

void Roster::take_news(std::vector<Slot>& slots) {
    auto& in = *impl_;
    slots.insert(slots.end(), in.noted.begin(), in.noted.end());
    for (const auto slot : in.noted)
        in.is_noted[slot] = false;
    in.noted.clear();
}

Roster::HeldOver Roster::held_over() const {
    const auto& in = *impl_;
    const auto sessions = in.edges.references(kHeldEdge);
    if (sessions == 0) return {};
    const auto ttl = in.held_ttl_max;
    return {in.clock.instant(in.began(0, ttl, in.lifted) + ttl), sessions};
}

void Roster::forget(std::string_view user) {
    const auto hash = hash_of(user);
    if (const auto known = impl_->find(hash, user)) impl_->forget(*known, hash);
}

void Roster::end_all(Reason reason, std::int64_t at_ms, WallOffset wall, std::vector<Event>& out) {
    auto& in = *impl_;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        const auto s = static_cast<Slot>(slot);
        in.table.each_in(s, [&](Impl::UserNumber user) {
            const auto& record = in.records[user];
            auto e = in.event(record, s, State::offline, reason, at_ms, in.ttl_max(record));
            e.last_seen_ms = millis(wall.at(in.clock.instant(in.window.widen(record.read))));
            e.status.reset();
            out.push_back(std::move(e));
        });
        drop(s);
    }
}

void Roster::Impl::inherit_status(UserRecord& record, Session* heir) {
    const auto edge = heir->edge;
    const std::string name(heir->name());
    const auto* held = record.sessions.find(kHeldEdge, {});
    if (held == nullptr || !held->told()) return;
    const std::string status(held->status());
    if (record.sessions.status(window) != status) return;  // another session told since
    const auto told = window.widen(held->told_at);
    record.sessions.tell(record.sessions.find(edge, name), told, told, status, window);
}

}  // namespace presence::tracker
