#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/batch.hpp"
#include "common/event.hpp"
#include "common/query.hpp"
#include "notifier/follower.hpp"

namespace presence::notifier {

// Epochs and seqs lie below: every JSON reader holds them exactly.
inline constexpr std::uint64_t kPositionMax = 1ull << 53;

// A place in a slot's stream.
struct Position {
    Epoch epoch = 0;
    std::uint64_t seq = 0;
    friend auto operator<=>(const Position&, const Position&) = default;
};

// What all slots of a follower share: where events go, and the bounds.
struct FollowedTotals {
    std::uint64_t users_max = 0;
    std::uint64_t departures_max = 0;

    std::vector<Event> handed_out;
    std::uint64_t users = 0;
    std::uint64_t departures = 0;
    Follower::Stats stats;
};

// Who is online in one slot, from events and snapshots that come over different sockets and so in
// any order. An event tells a user's whole state, so the newest position wins, user by user:
// nothing has to wait for anything, a gap delays no later event, and a snapshot of any age can be
// compared at any time.
//
// Only somebody who left is forgotten; while an older snapshot that still lists them may be on its
// way, their departure is kept ("departures", bounded).
//
// Pure. Every event handed out changes what a listener knew: users alternate, apart from statuses.
class FollowedSlot {
public:
    explicit FollowedSlot(Slot slot) : slot_(slot) {}

    enum class Run {
        next,        // right after the position
        known,       // nothing in it lies beyond the position
        gap,         // events are missing before it
        epoch_rose,  // another owner or run: the slot has to be compared
        epoch_low,   // of an earlier owner or run: ignored
        refused      // breaks the contract: ignored
    };
    // Hands out what the run changes. Moves the events.
    Run apply(SlotEvents& run, FollowedTotals& totals);

    // From here to the end of the question departures are kept.
    void question_begins() { asking_ = true; }
    void question_ends(FollowedTotals& totals);
    // Departures had to be forgotten since the question began: its answer must not be compared.
    [[nodiscard]] bool spoiled() const { return spoiled_; }

    struct Compared {
        bool epoch_low = false;          // ignored: of an earlier owner or run
        std::uint32_t uncovered_ms = 0;  // evidence missing for somebody's absence: ask again then
    };
    // Hands out how the snapshot (all its pages in one) differs from what is known, as `reconcile`
    // events. Requires: its question began before it was taken, and is not spoiled.
    Compared compare(SnapshotAnswer& snapshot, Freshness freshness, std::int64_t now_ms,
                     FollowedTotals& totals);

    [[nodiscard]] Slot slot() const { return slot_; }
    [[nodiscard]] Position position() const { return position_; }
    [[nodiscard]] bool compared() const { return compared_; }
    [[nodiscard]] const Event* find(std::string_view user) const;
    void each(const std::function<void(const Event&)>& fn) const;

private:
    struct UserHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view user) const { return hash_of(user) >> 10; }
        std::size_t operator()(const Event& event) const { return (*this)(event.user); }
    };
    struct SameUser {
        using is_transparent = void;
        static std::string_view user(std::string_view u) { return u; }
        static std::string_view user(const Event& e) { return e.user; }
        bool operator()(const auto& a, const auto& b) const { return user(a) == user(b); }
    };
    using Users = std::unordered_set<Event, UserHash, SameUser>;

    [[nodiscard]] bool acceptable(std::string_view user,
                                  const std::optional<std::string>& status) const;
    void apply_online(Event& event, FollowedTotals& totals);
    void apply_offline(Event& event, FollowedTotals& totals);
    void compare_present(SnapshotAnswer::User& user, const Event& difference,
                         FollowedTotals& totals);
    std::uint32_t compare_absent(const std::unordered_set<std::string_view>& present,
                                 std::uint64_t covers_ms, const Event& difference,
                                 FollowedTotals& totals);
    void store(Event event, FollowedTotals& totals);
    void remember_departure(const Event& event, FollowedTotals& totals);
    void forget_departures(FollowedTotals& totals);

    Slot slot_;
    Position position_;
    bool compared_ = false;
    bool asking_ = false;
    bool spoiled_ = false;
    Users users_;
    std::unordered_map<std::string, Position> departures_;
};

}  // namespace presence::notifier
