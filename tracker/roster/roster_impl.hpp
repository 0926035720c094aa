#pragma once

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "common/bugs.hpp"
#include "tracker/evidence/doubts.hpp"
#include "tracker/evidence/edge_leases.hpp"
#include "tracker/evidence/edges.hpp"
#include "tracker/evidence/holds.hpp"
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
    static constexpr Tick kNever = std::numeric_limits<Tick>::max();

    Impl(Options given, Instant origin)
        : options(given),
          clock{origin},
          leases({.timeout = given.edge_timeout / 1ms, .grace = given.edge_grace / 1ms}),
          hold_max(given.hold_max / 1ms),
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
    Tick hold_max;
    Holds stops;  // of our own
    RateLimit edge_lost;
    Tombstones tombstones{kTombstonesMax, kByeTicks};
    // Long before anything, while there is none.
    Tick event_time = std::numeric_limits<Tick>::min();
    Tick lifted = std::numeric_limits<Tick>::min();
    // When nobody who was left out for want of room is online any more.
    Tick unknown_until = std::numeric_limits<Tick>::min();
    // Of slots, apart from all others: those that are lifted all the time, and since when
    // deadlines are lifted. Looked at only when a session's own deadline has passed.
    SlotSet held_slots;
    bool slots_held = false;
    std::array<Tick, kSlots> floors{};
    Tick newest_floor = kLongAgo;
    bool without_evidence = false;  // event time runs on
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
        bool bye = false;
        friend auto operator<=>(const Ending&, const Ending&) = default;
    };

    // A session is over then, whatever holds it.
    [[nodiscard]] Tick bound(Tick read, std::uint32_t ttl) const {
        const auto heard = std::max(read, Tick{0});
        return heard + stops.after(heard) + hold_max + 2 * Tick{ttl};
    }
    // From when on it lasts.
    [[nodiscard]] Tick began(Tick read, std::uint32_t ttl, Tick floor) const {
        if (floor <= read) return read;
        if (bug(Bug::held_for_ever) && floor != kNever) return floor;
        return std::max(read, std::min(floor, bound(read, ttl) - ttl));
    }
    // From when on a session lasts, and how long, where deadlines are lifted to `floor`.
    struct Life {
        Tick began;
        std::uint32_t length;
        [[nodiscard]] Tick end() const { return began + length; }
    };
    [[nodiscard]] Life life(const UserRecord& r, Tick floor) const {
        return {began(window.widen(r.read), r.ttl, floor), r.ttl};
    }
    [[nodiscard]] static bool leaves(const UserRecord&, Tick) { return false; }
    // Behind its bye the user may have come back, and that be what is missing: a lift undoes it.
    [[nodiscard]] bool leaves(const Session& s, Tick floor) const {
        return s.left && (floor <= window.widen(s.read) || bug(Bug::lift_keeps_bye));
    }
    [[nodiscard]] Life life(const Session& s, Tick floor) const {
        const auto read = window.widen(s.read);
        if (leaves(s, floor)) return {read, s.linger};
        return {began(read, s.ttl, floor), s.ttl};
    }
    template <class T>
    [[nodiscard]] Tick deadline_of(const T& held) const {
        return life(held, lifted).end();
    }
    // Which of a user's sessions ends first.
    [[nodiscard]] std::tuple<Tick, std::string_view, std::string_view> rank_of_end(
        const Session& s) const {
        return {deadline_of(s), edges.name(s.edge), s.name()};
    }
    // Where the deadlines of a slot's users are lifted to.
    [[nodiscard]] Tick floor_of(std::uint64_t hash) const {
        return held_slots[slot_of(hash)] ? kNever : floors[slot_of(hash)];
    }
    [[nodiscard]] Tick lifted_to(std::uint64_t hash) const {
        return std::max(lifted, floor_of(hash));
    }
    [[nodiscard]] bool undone(const Tombstones::Bye& bye, std::uint64_t hash) const {
        return lifted_to(hash) > bye.at && !bug(Bug::lift_keeps_bye);
    }
    // Of a record or a session, at event time.
    template <class T>
    [[nodiscard]] EdgeLeases::Verdict verdict(const T& held, Tick floor) const {
        floor = std::max(lifted, floor);
        const auto own = life(held, floor);
        if (own.end() >= event_time) return {EdgeLeases::Verdict::Kind::lives, own.end()};
        auto end = leases.judge(held.edge, own.began, own.length,
                                bound(window.widen(held.read), own.length), event_time);
        end.cut |= floor > own.began && !leaves(held, floor);
        return end;
    }
    [[nodiscard]] static bool has_left(const UserRecord&) { return false; }
    [[nodiscard]] static bool has_left(const Session& s) { return s.left; }
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
    void after_its_bye(const Beat& beat, Tick tick, const Tombstones::Bye& bye, WallOffset wall,
                       std::vector<Event>& out);
    void take_alive(const Beat& beat, Tick tick, std::optional<UserNumber> hint, WallOffset wall,
                    std::vector<Event>& out);
    // Its session lasts from then on for as long as it lingers; expire() ends it.
    void on_bye(const Beat& beat);
    void leave(UserNumber user, std::uint64_t hash, Session& session, const Tombstones::Bye& bye);
    // Whether a heartbeat is a straggler of the session's bye.
    [[nodiscard]] bool after_bye(const Session& session, Tick tick, Tick floor) const;
    // Of many that have left, the first to end is forgotten.
    void limit_left(UserRecord& record);
    // Sessions of a list that have not left.
    [[nodiscard]] static std::size_t staying(const UserRecord& record);
    // One more reference.
    [[nodiscard]] EdgeIndex acquire_edge(const Beat& beat);
    void refresh_listed(UserNumber user, const Beat& beat, Tick tick, WallOffset wall,
                        std::vector<Event>& out);
    // What one record holds, as a list of one.
    void to_list(UserRecord& record);
    void to_single_if_possible(UserRecord& record);
    // Removes a session of a list.
    void end_session(UserRecord& record, Session* session);
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
    void settle(const Ripe& ripe, WallOffset wall, std::vector<Event>& out);
    void set_deadline(UserNumber user);
    void clamp_all(Tick now);

    [[nodiscard]] Tick last_end(const UserRecord& record) const;
    [[nodiscard]] std::uint32_t ttl_max(const UserRecord& record) const;
    [[nodiscard]] Event event(const UserRecord& record, Slot slot, State state, Reason reason,
                              std::int64_t at_ms, std::uint32_t ttl_ms) const;
    [[nodiscard]] Hold hold(EdgeIndex edge) const;
    [[nodiscard]] View view(const UserRecord& record, WallOffset wall) const;
    void check() const;
};

}  // namespace presence::tracker
