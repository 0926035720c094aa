#pragma once

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tracker/evidence/doubts.hpp"
#include "tracker/evidence/edge_leases.hpp"
#include "tracker/evidence/edges.hpp"
#include "tracker/evidence/tick.hpp"
#include "tracker/roster/deadlines.hpp"
#include "tracker/roster/rate_limit.hpp"
#include "tracker/roster/roster.hpp"
#include "tracker/roster/tombstones.hpp"
#include "tracker/roster/user_index.hpp"
#include "tracker/roster/user_records.hpp"

namespace presence::tracker {

// A roster's parts. Each living user has an index: `table` finds it, `records` tell the truth about
// it, `deadlines` hold when to look at it again, never later than its first session's deadline.
struct Roster::Impl {
    using UserNumber = std::uint32_t;
    static constexpr Tick kByeTicks = kByeMemory / 1ms;
    static constexpr Tick kLongAgo = std::numeric_limits<Tick>::min();

    Impl(Options given, Instant origin)
        : options(given),
          clock{origin},
          leases({.timeout = given.edge_timeout / 1ms,
                  .grace = given.edge_grace / 1ms,
                  .hold_max = given.edge_hold_max / 1ms}),
          edge_lost(given.edge_lost_rate) {
        floors.fill(kLongAgo);
    }

    Options options;
    TickClock clock;
    TickWindow window;
    UserIndex table{options.users_max};
    UserRecords records{options.users_max};
    Deadlines deadlines{options.users_max};
    Edges edges;
    EdgeLeases leases;
    RateLimit edge_lost;
    Tombstones tombstones{kTombstonesMax, kByeTicks};
    // Long before anything, while there is none.
    Tick event_time = std::numeric_limits<Tick>::min();
    Tick lifted = std::numeric_limits<Tick>::min();
    // When nobody who was left out for want of room is online any more.
    Tick unknown_until = std::numeric_limits<Tick>::min();
    // Of slots, apart from all others: those for whose users time stands still, and since when
    // deadlines are lifted. Looked at only when a session's own deadline has passed.
    SlotSet held_slots;
    bool slots_held = false;
    std::array<Tick, kSlots> floors{};
    Tick newest_floor = kLongAgo;
    Doubts doubts;
    std::vector<Slot> noted;  // see take_news()
    std::array<bool, kSlots> is_noted{};
    std::uint32_t held_ttl_max = 0;  // of whom an earlier run left
    std::uint64_t session_count = 0;
    TrackerCounters counters;

    // Scratch of expire().
    std::vector<Due> due;
    struct Ripe {
        Tick at;  // the deadline of what ends
        std::uint64_t hash;
        UserNumber user;
    };
    std::vector<Ripe> ripe;

    // One session's end and its length, to find the last of several.
    struct Ending {
        Tick deadline = std::numeric_limits<Tick>::min();
        std::uint32_t ttl_ms = 0;
        friend auto operator<=>(const Ending&, const Ending&) = default;
    };

    [[nodiscard]] Tick deadline(Tick read, std::uint32_t ttl) const {
        return std::max(read, lifted) + ttl;
    }
    [[nodiscard]] Tick deadline_of(const UserRecord& r) const {
        return deadline(window.widen(r.read), r.ttl);
    }
    [[nodiscard]] Tick deadline_of(const Session& s) const {
        return deadline(window.widen(s.read), s.ttl);
    }
    // Where the deadlines of a slot's users are lifted to.
    [[nodiscard]] Tick floor_of(std::uint64_t hash) const { return floors[slot_of(hash)]; }
    // Of a record or a session, at event time.
    template <class T>
    [[nodiscard]] EdgeLeases::Verdict verdict(const T& held, Tick floor) const {
        auto own = deadline_of(held);
        if (own < event_time) own = std::max(own, floor + held.ttl);
        if (own >= event_time) return {EdgeLeases::Verdict::Kind::lives, own};
        return leases.judge(held.edge, own - held.ttl, held.ttl, event_time);
    }
    // fn(session), also of a record that holds its only one itself.
    template <class Fn>
    void each_session(const UserRecord& record, Fn&& fn) const {
        if (record.single()) fn(record);
        for (auto* s = record.sessions.begin(); s != record.sessions.end();
             s = SessionList::next(s))
            fn(*s);
    }
    static std::uint32_t low(Tick t) { return static_cast<std::uint32_t>(t); }
    // Sees to it that ticks up to `t` can be kept.
    void make_room(Tick t) {
        if (window.outgrown(t)) clamp_all(t);
    }

    [[nodiscard]] std::optional<UserNumber> find(std::uint64_t hash, std::string_view user) const {
        return table.find(hash, [&](UserNumber i) { return records[i].id() == user; });
    }
    [[nodiscard]] static bool within_limits(const Beat& beat);
    // A new user; nothing, and counted, if there are too many.
    [[nodiscard]] std::optional<UserNumber> add_user(const Beat& beat, Tick tick, WallOffset wall);
    // A new session, or, and that is counted, the one that it shares.
    [[nodiscard]] Session* add_session(UserRecord& record, const Beat& beat, Tick tick);
    [[nodiscard]] Session* share(UserRecord& record, const Beat& beat, Tick tick);
    [[nodiscard]] Session* to_share(UserRecord& record, std::optional<EdgeIndex> edge,
                                    const Session* except) const;
    void join(Session& session, Tick read, std::uint32_t ttl) const;
    [[nodiscard]] bool join_two(UserRecord& record);

    // One heartbeat or bye. `hint`: where the user may be, to save the search.
    void take(const Beat& beat, std::optional<UserNumber> hint, WallOffset wall,
              std::vector<Event>& out);
    void on_beat(const Beat& beat, std::optional<UserNumber> hint, WallOffset wall,
                 std::vector<Event>& out);
    void on_bye(const Beat& beat, WallOffset wall, std::vector<Event>& out);
    // One more reference.
    [[nodiscard]] EdgeIndex acquire_edge(const Beat& beat);
    void refresh_listed(UserNumber user, const Beat& beat, Tick tick, WallOffset wall,
                        std::vector<Event>& out);
    // What one record holds, as a list of one.
    void to_list(UserRecord& record);
    void to_single_if_possible(UserRecord& record);
    // Removes a session of a list.
    void end_session(UserRecord& record, Session* session);
    // Lets none of the user's sessions end before `tick`.
    void hold_until(UserRecord& record, Tick tick);
    // Takes a user out without a word; the first requires that no session is left.
    void remove_user(UserNumber user, std::uint64_t hash);
    void forget(UserNumber user, std::uint64_t hash);
    void note_news(Slot slot) {
        if (!std::exchange(is_noted[slot], true)) noted.push_back(slot);
    }
    void release_sessions(UserRecord& record);
    // A user without a session. Requires: not known, within users_max.
    [[nodiscard]] UserNumber add_record(std::string_view id, std::uint64_t hash, Tick read,
                                        std::int64_t since_ms);
    void inherit_status(UserRecord& record, Session* heir);
    // Sessions of `user` have ended: tells offline, or a change of status, and sets the deadline.
    void after_endings(UserNumber user, std::uint64_t hash, Reason reason, Ending last,
                       std::int64_t at_ms, std::string_view status_before, WallOffset wall,
                       std::vector<Event>& out);

    // When the last of the user's sessions that are over ended; nothing, and the user is looked at
    // again later, if none is, or it is not their turn to be told.
    [[nodiscard]] std::optional<Tick> ripe_at(UserNumber user);
    // Of a user for whom time stands still: when to look again.
    void look_later(UserNumber user);
    void settle(const Ripe& ripe, WallOffset wall, std::vector<Event>& out);
    void set_deadline(UserNumber user);
    void clamp_all(Tick now);

    [[nodiscard]] std::uint32_t ttl_max(const UserRecord& record) const;
    [[nodiscard]] Event event(const UserRecord& record, Slot slot, State state, Reason reason,
                              std::int64_t at_ms, std::uint32_t ttl_ms) const;
    [[nodiscard]] Hold hold(EdgeIndex edge) const;
    [[nodiscard]] View view(const UserRecord& record, WallOffset wall) const;
    void check() const;
};

}  // namespace presence::tracker
