#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/slots.hpp"
#include "common/time.hpp"
#include "common/wire/event.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/tracker_list.hpp"
#include "tracker/counters.hpp"

namespace presence::tracker {

// A heartbeat as the roster takes it: a row (its ttl_ms: kTtlMinMs..kTtlMaxMs, of a bye how long it
// lingers, 0..kLingerMaxMs; its age_ms of no interest), and a time that is on our clock and never
// early.
struct Beat : Row {
    Instant at{};                   // read by the collector, less its age
    Instant read = Instant::min();  // by the collector, if later than `at`
};

// Decides who is online from heartbeats and event time alone.
//
// A user is online while one of their sessions, keyed by (edge, session), lives; a session lives
// until its newest heartbeat's time + that heartbeat's ttl. An older heartbeat never moves a
// deadline back (of two at one time the later deadline holds); one whose deadline event time has
// passed brings nobody back. A session whose deadline has passed but that expire() has not reached
// yet lives on if a heartbeat with a later deadline comes: no pair of events is told.
//
// A bye is an end in event time: its session lasts for as long as it lingers (the bye's ttl_ms, 0:
// not at all) after it was said, but until the bye was read, and not longer than by itself. It
// counts as any other until then, but takes nobody's room. What its user says after the bye, in any
// session, makes it as if nothing had happened; and a lift undoes it, as that may be what is
// missing. Of several byes of a session the one that ends it first counts.
//
// If the session has a name, heartbeats up to kByeMemory after the bye are stragglers and ignored,
// and so is a bye that is older by more than that than its session's newest heartbeat. Heartbeats
// from before the bye that come after it are told as if they had come in their order, as long as
// event time has not come to its end: what was read decides, not which way it took. Of the unnamed
// session the older one of heartbeat and bye is ignored, and of one millisecond the last to come
// counts.
//
// A user's status is, of what their living sessions say, what one began to say last, by the time of
// the heartbeat that told it (at one time: that arrived last): a session that says the same again
// says nothing new. Told empty, it is none, whatever others told before. A change while online is
// told as an online event with reason `status`.
//
// Who has kSessionsPerUserMax sessions keeps them, and a heartbeat of a further one counts for one
// of them that is on its edge and from then on shared: nobody's bye ends it, it lasts for the
// longest ttl of those who share it after the newest heartbeat of any, and tells the status told
// last. With none on its edge, two that are on one share theirs to make room. Likewise sessions of
// one name share, without a lease, whose edges find no room. A session that shares has its own
// again from its first heartbeat on that finds room.
//
// Times are kept in whole ms: heartbeats' rounded up, event time rounded down, so a user never
// loses any. A heartbeat more than 6 days older than the newest time seen counts as 6 days old.
//
// A lift, a slot that is held, and the silence of an edge move deadlines later, but no session's
// beyond read + ttl + hold_max + ttl, whatever comes together. So the first lift after a read gives
// a whole ttl, and a series of them ends. The bound may end a session that was heard: an offline
// says `stale` if that may be so. Time in which we took no evidence ourselves does not count for
// the bound. So for a user of an earlier run it begins at the origin.
//
// Time stands still for the sessions of a named edge that is silent, in bounds
// (tracker/evidence/edge_leases.hpp). A user whose last session ends because its edge stays silent
// is told offline with reason `edge_lost`, at the event time at which that was found, and at most
// `edge_lost_rate` users a second are.
//
// A longer ttl than all that the user's living sessions had before is told as an online event with
// reason `ttl`, unless another event of theirs tells it: whoever remembers users needs it.
//
// Pure. Appended events lack epoch, seq and freshness. Every event has since_ms and the ttl_ms of
// the heartbeat (online), of the session that ended last (offline), or the largest of the living
// sessions (status); offline ones have last_seen_ms, the newest heartbeat of any of the user's
// sessions.
//
// Memory a user, 1M or 10M users: about 70 bytes with an id of up to 20 bytes and one unnamed
// session that never told a status; a longer id adds its bytes. A named session, or a second one,
// or a status adds one allocation of 4 bytes + 16 a session (20 with a status) + the names and
// statuses (padded to 4):
// with one session name of 16 bytes about 120 bytes a user.
class Roster {
public:
    static constexpr Duration kByeMemory = 2s;
    static constexpr std::size_t kTombstonesMax = 262'144;  // beyond, the oldest is forgotten

    struct Options {
        std::uint64_t users_max = 20'000'000;
        Duration edge_timeout = 3s;            // silence of an edge that is none
        Duration edge_grace = 30s;             // how long its sessions are held then
        Duration hold_max = 10min;             // see below
        std::uint64_t edge_lost_rate = 5'000;  // users a second
    };
    // `origin`: any time not after the first heartbeat's read.
    Roster(Options options, Instant origin);
    ~Roster();
    Roster(Roster&&) noexcept;

    // Its user is found sooner if told of a heartbeat some hundred of them before it is applied.
    void prefetch(std::uint64_t hash) const;
    // Appends online (`heartbeat`, `status`, `ttl`) events. A user for whom there is no room is
    // left out and counted. A bye only moves a deadline.
    void apply(std::span<const Beat> beats, WallOffset wall, std::vector<Event>& out);

    // The edge, which named itself, was heard then. Of no interest while it has no session here.
    // After the heartbeats that came with it.
    void on_lease(std::string_view edge, Instant read);

    // A user whom an earlier run knew to be online. One session of its own holds them, which no
    // heartbeat meets and no bye ends; like any it lasts `ttl_ms` from `last_seen` or the newest
    // lift() on. Whatever status is told after it is newer; until then its status goes to sessions
    // that come and tell none.
    struct Held {
        std::string_view user;
        std::int64_t since_ms = 0;
        Instant last_seen{};
        std::uint32_t ttl_ms = 0;
        std::optional<std::string_view> status;
    };
    // Replaces what is known of the user, without a word. False, and counted: breaks a limit.
    bool restore(const Held& held);
    void forget(std::string_view user);
    // Before the first heartbeat: those are held until `until(last_seen, ttl)` at most, if that is
    // earlier, but for kTtlMinMs. They may have been heard since, so what is told of it is `stale`.
    // Returns how many. O(users).
    std::size_t shorten_held(const std::function<Instant(Instant last_seen, Duration ttl)>& until);
    // Appends, once, the slots of whose users there is news without an event, that a restart should
    // know: they were heard again after one, or the silence they survive has shrunk.
    void take_news(std::vector<Slot>& slots);

    // Ends sessions with a deadline before `event_time`. Appends offline (`timeout`, `bye`,
    // `edge_lost`) for users with none left, for what ended last; but for `edge_lost` at_ms is that
    // deadline itself. At most `limit`
    // users are looked at, told in the order of their deadlines; returns true if more may be due:
    // call again. `event_time` never goes back.
    [[nodiscard]] bool expire(Instant event_time, WallOffset wall, std::size_t limit,
                              std::vector<Event>& out);

    // Ends the user's session of that name on the unnamed edge, or, given none, all their sessions,
    // at once: for callers whose heartbeats come in order. Returns whether there was one.
    bool end(std::uint64_t hash, std::string_view user, std::optional<std::string_view> session,
             Instant at, WallOffset wall, std::vector<Event>& out);
    // As end(), but they last for `linger` after `at` if they would last for longer. A heartbeat
    // makes it as if nothing had happened.
    bool linger(std::uint64_t hash, std::string_view user, std::optional<std::string_view> session,
                Instant at, Duration linger);

    // Evidence for the time before `now` may be missing: every deadline is taken to be at least
    // now + its session's ttl, that of sessions which begin later as well, and no edge to be silent
    // since before. O(1).
    void lift(Instant now);
    // As lift(), for the users of these slots alone.
    void lift(const SlotSet& slots, Instant now);
    // From now on the users of these slots are lifted all the time: none of their sessions ends
    // by itself, and no bye. After that lift() them, as their heartbeats went elsewhere meanwhile.
    void hold(const SlotSet& slots);
    // From then until then we took no evidence.
    void on_stop(Instant from, Instant to);
    // Event time runs on without evidence, or does not: then who ends may have been heard. After
    // hold(), before expire().
    void run_on(bool without_evidence, Instant now);
    // An earlier run's event time had come to there: heartbeats whose ttl was over by then are too
    // old. Before the first heartbeat.
    void resume(Instant event_time);

    // Never later than the earliest deadline, may be earlier. Nothing while nobody is online.
    // O(users / 1,024): some hundred ns at 1M users.
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    struct View {
        std::string_view user;
        std::uint64_t hash = 0;
        std::int64_t since_ms = 0;
        std::int64_t last_seen_ms = 0;
        std::uint32_t ttl_ms = 0;  // the largest of the living sessions
        std::uint32_t sessions = 0;
        std::optional<std::string_view> status;
        std::optional<Instant> leaves_at;  // in event time, if all their sessions said bye
    };
    // Views live until the next change.
    [[nodiscard]] std::optional<View> find(std::uint64_t hash, std::string_view user,
                                           WallOffset wall) const;
    void each_in(Slot slot, WallOffset wall, const std::function<void(const View&)>& fn) const;
    // Whose silence alone keeps the user online, of several edges the one held longest.
    struct Hold {
        std::string_view edge;
        Instant since{};             // not heard since
        Instant until{};             // then they are lost; `since` if they are not held
        std::uint64_t sessions = 0;  // on that edge
    };
    [[nodiscard]] std::optional<Hold> hold_of(std::uint64_t hash, std::string_view user) const;
    // Whom an earlier run left, and who are held until they are heard or their ttl has passed.
    struct HeldOver {
        Instant until{};  // the last of them
        std::uint64_t sessions = 0;
    };
    [[nodiscard]] HeldOver held_over() const;
    // The edges that are silent at event time; at most `limit` are appended, all are counted.
    std::size_t silent_edges(std::size_t limit, std::vector<Hold>& out) const;

    // Appends offline with this reason for every user, and forgets them.
    void end_all(Reason reason, std::int64_t at_ms, WallOffset wall, std::vector<Event>& out);
    // Forgets a slot's users without a word: another tracker owns them now.
    void drop(Slot slot);

    // No: of late, somebody was left out for want of room. Who is not here may be online.
    [[nodiscard]] bool knows_all() const;
    [[nodiscard]] std::uint64_t users() const;
    [[nodiscard]] std::uint64_t sessions() const;
    [[nodiscard]] std::size_t edges() const;  // named, with sessions

    // Those of what it refused, and of users told offline for their edge.
    [[nodiscard]] const TrackerCounters& counters() const;

    // Allocated, without the allocator's own overhead. Walks everything.
    [[nodiscard]] std::uint64_t bytes() const;
    // Walks everything and ends the process if an invariant is broken. For tests.
    void check() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace presence::tracker
