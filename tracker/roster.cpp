#include "tracker/roster.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/limits.hpp"

namespace presence::tracker {
namespace {

using Tick = std::int64_t;  // ms since origin
constexpr Tick kByeTicks = Roster::kByeMemory / 1ms;

struct Session {
    Tick read = 0;
    std::uint32_t ttl = 0;
    bool told = false;  // a status, perhaps an empty one
    Tick told_at = 0;
    std::uint64_t told_order = 0;
    std::string status;
};

struct User {
    std::int64_t since_ms = 0;
    Tick seen = 0;
    std::map<std::pair<std::string, std::string>, Session> sessions;  // by (edge, name)
};

std::string status_of(const User& user) {
    const Session* last = nullptr;
    for (const auto& [key, s] : user.sessions)
        if (s.told && (!last || std::pair(s.told_at, s.told_order) >
                                    std::pair(last->told_at, last->told_order)))
            last = &s;
    return last ? last->status : std::string{};
}

}  // namespace

struct Roster::Impl {
    Options options;
    Instant origin;
    std::array<std::unordered_map<std::string, User>, kSlots> users;
    std::map<std::string, std::uint64_t, std::less<>> edges;  // living, with their sessions
    std::map<std::pair<std::uint64_t, std::pair<std::string, std::string>>, Tick> byes;
    std::optional<Tick> event_time, lifted;
    std::uint64_t user_count = 0, session_count = 0, told_order = 0;
    Stats stats;

    Tick read_tick(Instant t) const {
        return std::chrono::ceil<std::chrono::milliseconds>(t - origin).count();
    }
    Tick event_tick(Instant t) const {
        return std::chrono::floor<std::chrono::milliseconds>(t - origin).count();
    }
    Instant instant(Tick t) const { return origin + std::chrono::milliseconds(t); }

    Tick deadline(const Session& s) const {
        return std::max(s.read, lifted.value_or(s.read)) + s.ttl;
    }
    Event event(const std::string& id, Slot slot, const User& user, State state, const char* reason,
                std::int64_t at_ms, std::uint32_t ttl) const {
        Event e;
        e.user = id;
        e.state = state;
        e.reason = reason;
        e.at_ms = at_ms;
        e.since_ms = user.since_ms;
        e.ttl_ms = ttl;
        e.slot = slot;
        if (auto status = status_of(user); state == State::online && !status.empty())
            e.status = std::move(status);
        return e;
    }
    static std::uint32_t ttl_of(const User& user) {
        std::uint32_t ttl = 0;
        for (const auto& [key, s] : user.sessions)
            ttl = std::max(ttl, s.ttl);
        return ttl;
    }
    void forget_edge(const std::string& edge) {
        if (edge.empty()) return;
        const auto it = edges.find(edge);
        if (--it->second == 0) edges.erase(it);
    }

    void on_beat(const Beat& beat, WallOffset wall, std::vector<Event>& out);
    void on_bye(const Beat& beat, WallOffset wall, std::vector<Event>& out);
    // Ends the due sessions of one user.
    void settle(const std::string& id, Slot slot, WallOffset wall, std::vector<Event>& out);
    View view(const std::string& id, const User& user, WallOffset wall) const;
};

void Roster::Impl::on_beat(const Beat& beat, WallOffset wall, std::vector<Event>& out) {
    const auto tick = read_tick(beat.at);
    const std::pair key{std::string(beat.edge), std::string(beat.session)};
    if (event_time && tick + beat.ttl_ms < *event_time) {
        ++stats.stale;
        return;
    }
    if (!beat.session.empty()) {
        const auto bye = byes.find({beat.hash, key});
        if (bye != byes.end() && tick <= bye->second + kByeTicks) {
            ++stats.after_bye;
            return;
        }
    }
    const auto slot = slot_of(beat.hash);
    auto& table = users[slot];
    const std::string id(beat.user);
    auto it = table.find(id);
    const bool fresh = it == table.end();
    const bool new_session = fresh || !it->second.sessions.contains(key);
    if (new_session) {
        if (fresh && user_count >= options.users_max) {
            ++stats.users_limit;
            return;
        }
        if (!fresh && it->second.sessions.size() >= kSessionsPerUserMax) {
            ++stats.sessions_limit;
            return;
        }
        if (!beat.edge.empty()) {
            if (!edges.contains(beat.edge) && edges.size() >= kEdgesMax) {
                ++stats.edges_limit;
                return;
            }
            ++edges[key.first];
        }
        if (fresh) {
            it = table.emplace(id, User{}).first;
            it->second.since_ms = millis(wall.at(beat.at));
            it->second.seen = tick;
            ++user_count;
        }
        ++session_count;
    }
    auto& user = it->second;
    const auto status_before = status_of(user);
    auto& s = user.sessions[key];
    if (new_session || tick > s.read) {
        s.read = tick;
        s.ttl = beat.ttl_ms;
    } else if (tick == s.read) {
        s.ttl = std::max(s.ttl, beat.ttl_ms);
    }
    user.seen = std::max(user.seen, tick);
    if (beat.status && (!s.told || tick >= s.told_at)) {
        s.told = true;
        s.told_at = tick;
        s.told_order = ++told_order;
        s.status = *beat.status;
    }
    const auto at_ms = millis(wall.at(beat.at));
    if (fresh)
        out.push_back(event(id, slot, user, State::online, "heartbeat", at_ms, ttl_of(user)));
    else if (status_of(user) != status_before)
        out.push_back(event(id, slot, user, State::online, "status", at_ms, ttl_of(user)));
}

void Roster::Impl::on_bye(const Beat& beat, WallOffset wall, std::vector<Event>& out) {
    const auto tick = read_tick(beat.at);
    const std::pair key{std::string(beat.edge), std::string(beat.session)};
    if (!beat.session.empty() && !(event_time && tick + kByeTicks < *event_time)) {
        auto& last = byes.try_emplace({beat.hash, key}, tick).first->second;
        last = std::max(last, tick);
    }
    const auto slot = slot_of(beat.hash);
    const auto it = users[slot].find(std::string(beat.user));
    if (it == users[slot].end()) return;
    auto& user = it->second;
    const auto s = user.sessions.find(key);
    if (s == user.sessions.end()) return;
    if (tick + kByeTicks < s->second.read) {
        ++stats.stale;
        return;
    }
    const auto status_before = status_of(user);
    const auto ttl = s->second.ttl;
    user.sessions.erase(s);
    forget_edge(key.first);
    --session_count;
    const auto at_ms = millis(wall.at(beat.at));
    if (user.sessions.empty()) {
        auto e = event(it->first, slot, user, State::offline, "bye", at_ms, ttl);
        e.last_seen_ms = millis(wall.at(instant(user.seen)));
        out.push_back(std::move(e));
        users[slot].erase(it);
        --user_count;
    } else if (status_of(user) != status_before) {
        out.push_back(event(it->first, slot, user, State::online, "status", at_ms, ttl_of(user)));
    }
}

void Roster::Impl::settle(const std::string& id, Slot slot, WallOffset wall,
                          std::vector<Event>& out) {
    const auto it = users[slot].find(id);
    auto& user = it->second;
    const auto status_before = status_of(user);
    std::pair<Tick, std::uint32_t> last{std::numeric_limits<Tick>::min(), 0};
    for (auto s = user.sessions.begin(); s != user.sessions.end();) {
        if (deadline(s->second) >= *event_time) {
            ++s;
            continue;
        }
        last = std::max(last, std::pair(deadline(s->second), s->second.ttl));
        forget_edge(s->first.first);
        s = user.sessions.erase(s);
        --session_count;
    }
    const auto at_ms = millis(wall.at(instant(last.first)));
    if (user.sessions.empty()) {
        auto e = event(id, slot, user, State::offline, "timeout", at_ms, last.second);
        e.last_seen_ms = millis(wall.at(instant(user.seen)));
        out.push_back(std::move(e));
        users[slot].erase(it);
        --user_count;
    } else if (status_of(user) != status_before) {
        out.push_back(event(id, slot, user, State::online, "status", at_ms, ttl_of(user)));
    }
}

Roster::View Roster::Impl::view(const std::string& id, const User& user, WallOffset wall) const {
    View v;
    v.user = id;
    v.hash = hash_of(id);
    v.since_ms = user.since_ms;
    v.last_seen_ms = millis(wall.at(instant(user.seen)));
    v.ttl_ms = ttl_of(user);
    v.sessions = static_cast<std::uint32_t>(user.sessions.size());
    const auto status = status_of(user);
    for (const auto& [key, s] : user.sessions)
        if (!status.empty() && s.status == status) v.status = s.status;
    return v;
}

Roster::Roster(Options options, Instant origin) : impl_(std::make_unique<Impl>()) {
    impl_->options = options;
    impl_->origin = origin;
}
Roster::~Roster() = default;
Roster::Roster(Roster&&) noexcept = default;

void Roster::apply(std::span<const Beat> beats, WallOffset wall, std::vector<Event>& out) {
    for (const auto& beat : beats)
        beat.bye ? impl_->on_bye(beat, wall, out) : impl_->on_beat(beat, wall, out);
}

bool Roster::expire(Instant event_time, WallOffset wall, std::size_t limit,
                    std::vector<Event>& out) {
    auto& in = *impl_;
    const auto tick = in.event_tick(event_time);
    in.event_time = std::max(in.event_time.value_or(tick), tick);
    std::erase_if(in.byes,
                  [&](const auto& bye) { return bye.second + kByeTicks < *in.event_time; });
    std::vector<std::pair<Tick, std::pair<Slot, std::string>>> due;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        for (const auto& [id, user] : in.users[slot]) {
            std::optional<Tick> last;
            for (const auto& [key, s] : user.sessions)
                if (const auto d = in.deadline(s); d < *in.event_time)
                    last = std::max(last.value_or(d), d);
            if (last) due.push_back({*last, {static_cast<Slot>(slot), id}});
        }
    std::sort(due.begin(), due.end());
    const auto handled = std::min(limit, due.size());
    for (std::size_t i = 0; i < handled; ++i)
        in.settle(due[i].second.second, due[i].second.first, wall, out);
    return handled < due.size();
}

void Roster::lift(Instant now) {
    const auto tick = impl_->read_tick(now);
    impl_->lifted = std::max(impl_->lifted.value_or(tick), tick);
}

std::optional<Instant> Roster::next_deadline() const {
    std::optional<Tick> next;
    for (const auto& table : impl_->users)
        for (const auto& [id, user] : table)
            for (const auto& [key, s] : user.sessions)
                next = std::min(next.value_or(impl_->deadline(s)), impl_->deadline(s));
    if (!next) return std::nullopt;
    return impl_->instant(*next);
}

std::optional<Roster::View> Roster::find(std::uint64_t hash, std::string_view user,
                                         WallOffset wall) const {
    const auto& table = impl_->users[slot_of(hash)];
    const auto it = table.find(std::string(user));
    if (it == table.end()) return std::nullopt;
    return impl_->view(it->first, it->second, wall);
}

void Roster::each_in(Slot slot, WallOffset wall, const std::function<void(const View&)>& fn) const {
    for (const auto& [id, user] : impl_->users[slot])
        fn(impl_->view(id, user, wall));
}

void Roster::drop(Slot slot) {
    for (const auto& [id, user] : impl_->users[slot]) {
        for (const auto& [key, s] : user.sessions)
            impl_->forget_edge(key.first);
        impl_->session_count -= user.sessions.size();
        --impl_->user_count;
    }
    impl_->users[slot].clear();
}

std::uint64_t Roster::users() const {
    return impl_->user_count;
}
std::uint64_t Roster::sessions() const {
    return impl_->session_count;
}
const Roster::Stats& Roster::stats() const {
    return impl_->stats;
}
void Roster::check() const {}

}  // namespace presence::tracker
