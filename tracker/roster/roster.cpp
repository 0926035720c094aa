#include "tracker/roster/roster.hpp"

#include <algorithm>
#include <array>

#include "common/limits.hpp"
#include "tracker/roster/roster_impl.hpp"

namespace presence::tracker {

Roster::Roster(Options options, Instant origin) : impl_(std::make_unique<Impl>(options, origin)) {}
Roster::~Roster() = default;
Roster::Roster(Roster&&) noexcept = default;

void Roster::prefetch(std::uint64_t hash) const {
    impl_->table.prefetch(hash);
}

// Memory is asked for before it is needed: at a million users each heartbeat misses the cache at
// its table entry, its record, and its sessions if they are listed, or its deadline if that is to
// be moved. A group's users are looked for two groups ahead, and what their records lead to is
// asked for one group ahead; whoever comes or goes in between is found all the same. Groups are
// small: what is asked for all at once waits for one another.
void Roster::apply(std::span<const Beat> beats, WallOffset wall, std::vector<Event>& out) {
    constexpr std::size_t kGroup = 8;
    auto& in = *impl_;
    std::array<std::optional<Impl::UserNumber>, 4 * kGroup> hints;
    const auto end_of = [&](std::size_t begin) { return std::min(begin + kGroup, beats.size()); };
    const auto look_for = [&](std::size_t begin) {
        for (auto i = begin; i < end_of(begin); ++i) {
            auto& hint = hints[i % hints.size()];
            hint = in.table.candidate(beats[i].hash);
            if (!hint) continue;
            in.records.prefetch(*hint);
        }
    };
    const auto look_into = [&](std::size_t begin) {
        for (auto i = begin; i < end_of(begin); ++i) {
            const auto hint = hints[i % hints.size()];
            if (!hint) continue;
            const auto& record = in.records[*hint];
            record.sessions.prefetch();
            if (!record.single() || record.needs_arming(in.low(in.clock.of_read(beats[i].at))))
                in.deadlines.prefetch(*hint);
        }
    };
    in.edges.forget_bytes();  // of another call's beats
    look_for(0);
    look_for(kGroup);
    look_into(0);
    for (std::size_t begin = 0; begin < beats.size(); begin += kGroup) {
        look_for(begin + 2 * kGroup);
        look_into(begin + kGroup);
        for (auto i = begin; i < end_of(begin); ++i)
            in.take(beats[i], hints[i % hints.size()], wall, out);
    }
}

void Roster::resume(Instant event_time) {
    const auto tick = impl_->clock.of_event(event_time);
    impl_->make_room(tick);
    impl_->event_time = std::max(impl_->event_time, tick);
}

void Roster::lift(Instant now) {
    const auto tick = impl_->clock.of_read(now);
    impl_->make_room(tick);
    impl_->lifted = std::max(impl_->lifted, tick);
    impl_->leases.lift(tick);
    impl_->doubts.lift(tick, impl_->event_time);
}

void Roster::lift(const SlotSet& slots, Instant now) {
    auto& in = *impl_;
    const auto tick = in.clock.of_read(now);
    in.newest_floor = std::max(in.newest_floor, tick);
    for (std::size_t slot = 0; slot < kSlots; ++slot)
        if (slots[slot]) in.floors[slot] = std::max(in.floors[slot], tick);
    in.doubts.lift(tick, in.event_time);
}

void Roster::hold(const SlotSet& slots) {
    impl_->held_slots = slots;
    impl_->slots_held = slots.any();
}

void Roster::on_lease(std::string_view edge, Instant read) {
    const auto index = impl_->edges.find(edge);
    if (index && is_named(*index)) impl_->leases.on_heard(*index, impl_->clock.of_read(read));
}

void Roster::on_stop(Instant from, Instant to) {
    impl_->stops.add(impl_->clock.of_event(from), impl_->clock.of_read(to));
}

void Roster::run_on(bool without_evidence, Instant now) {
    impl_->without_evidence = without_evidence;
    if (!without_evidence && !impl_->slots_held) impl_->doubts.close(impl_->clock.of_read(now));
}

std::optional<Instant> Roster::next_deadline() const {
    const auto& in = *impl_;
    if (in.records.living() == 0) return std::nullopt;
    const auto bound = in.deadlines.bound();
    if (!bound) return std::nullopt;
    return in.clock.instant(in.window.widen(*bound));
}

std::optional<Roster::View> Roster::find(std::uint64_t hash, std::string_view user,
                                         WallOffset wall) const {
    const auto index = impl_->find(hash, user);
    if (!index) return std::nullopt;
    return impl_->view(impl_->records[*index], wall);
}

Roster::Hold Roster::Impl::hold(EdgeIndex edge) const {
    const auto [since, until] = leases.silence(edge);
    return {edges.name(edge), clock.instant(since), clock.instant(until), edges.references(edge)};
}

std::optional<Roster::Hold> Roster::hold_of(std::uint64_t hash, std::string_view user) const {
    const auto& in = *impl_;
    const auto index = in.find(hash, user);
    if (!index) return std::nullopt;
    std::optional<Hold> longest;
    bool lives = false;
    in.each_session(in.records[*index], [&](const auto& held) {
        if (in.deadline_of(held) >= in.event_time || !in.leases.silent(held.edge, in.event_time))
            lives = true;
        else if (const auto hold = in.hold(held.edge); !longest || longest->until < hold.until)
            longest = hold;
    });
    return lives ? std::nullopt : longest;
}

std::size_t Roster::silent_edges(std::size_t limit, std::vector<Hold>& out) const {
    const auto& in = *impl_;
    std::size_t count = 0;
    for (std::size_t e = kOtherEdge + 1; e < in.edges.end(); ++e) {
        const auto edge = static_cast<EdgeIndex>(e);
        if (in.edges.references(edge) == 0 || !in.leases.silent(edge, in.event_time)) continue;
        if (count++ < limit) out.push_back(in.hold(edge));
    }
    return count;
}

void Roster::each_in(Slot slot, WallOffset wall, const std::function<void(const View&)>& fn) const {
    constexpr std::size_t kAhead = 24;
    const auto& in = *impl_;
    std::vector<Impl::UserNumber> users;
    users.reserve(in.table.count(slot));
    in.table.each_in(slot, [&](Impl::UserNumber user) { users.push_back(user); });
    for (std::size_t i = 0; i < users.size() + kAhead; ++i) {
        if (i < users.size()) in.records.prefetch(users[i]);
        if (i >= kAhead) fn(in.view(in.records[users[i - kAhead]], wall));
    }
}

void Roster::drop(Slot slot) {
    auto& in = *impl_;
    in.table.each_in(slot, [&](Impl::UserNumber user) {
        in.release_sessions(in.records[user]);
        in.deadlines.erase(user);
        in.doubts.forget(user);
        in.records.remove(user);
    });
    in.table.clear(slot);
}

bool Roster::knows_all() const {
    return impl_->event_time >= impl_->unknown_until;
}
std::uint64_t Roster::users() const {
    return impl_->records.living();
}
std::uint64_t Roster::sessions() const {
    return impl_->session_count;
}
std::size_t Roster::edges() const {
    return impl_->edges.living();
}
const TrackerCounters& Roster::counters() const {
    return impl_->counters;
}
std::uint64_t Roster::bytes() const {
    return impl_->table.bytes() + impl_->records.bytes() + impl_->deadlines.bytes() +
           impl_->edges.bytes() + impl_->leases.bytes() + impl_->tombstones.bytes();
}
void Roster::check() const {
    impl_->check();
}

}  // namespace presence::tracker
