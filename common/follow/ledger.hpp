#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/follow/counters.hpp"
#include "common/secret_hash.hpp"
#include "common/wire/batch.hpp"
#include "common/wire/event.hpp"
#include "common/wire/query.hpp"

namespace presence {

// Epochs and seqs lie below: every JSON reader holds them exactly.
inline constexpr std::uint64_t kPositionMax = 1ull << 53;

// A place in a slot's stream.
struct Position {
    Epoch epoch = 0;
    std::uint64_t seq = 0;
    friend auto operator<=>(const Position&, const Position&) = default;
};

// What was told of somebody who is online.
struct Told {
    std::optional<std::string> status;
    std::int64_t since_ms = 0;
    std::int64_t last_seen_ms = 0;
    std::uint32_t ttl_ms = 0;
    // Missing in a snapshot, but the tracker's evidence reaches back less than their ttl.
    bool doubted = false;

    friend bool operator==(const Told&, const Told&) = default;
};

// A change of a ledger. Most are told; that a ttl grew, or that somebody came whom the listener
// takes to be online already, is only remembered.
struct Change {
    Event event;
    bool told = true;
    // What the listener knew of the user before.
    bool was_online = false;
    std::optional<std::string> was_status{};
};

// That changes were missed and cannot be told any more: the journal does not reach back. It stands
// among events as one without a user; its status is the tracker's id.
[[nodiscard]] Change gap_notice(const std::string& tracker, std::int64_t at_ms);

// What all slots of a follower share: where changes go, whom they are of, and how many at most.
struct HandedOut {
    std::uint64_t users_max = 0;
    std::string user_prefix{};  // of all who are followed

    std::vector<Change> changes;
    std::uint64_t users = 0;
    std::uint64_t doubted = 0;
    FollowCounters counters;
};

// Who is online in one slot as far as whoever listens was told: everybody up to `position` in the
// slot's stream. Each event handed out changes what the listener knew, so that users alternate,
// apart from statuses.
//
// Pure.
class Ledger {
public:
    explicit Ledger(Slot slot) : slot_(slot) {}

    // Takes in the events that lie beyond the position. Requires: none between is missing.
    void apply(const SlotEvents& run, HandedOut& out);

    // Hands out how the snapshot (all its pages in one) differs from what was told, as `reconcile`
    // events; it is the position then. Whoever is missing without proof is doubted. False if it is
    // of an earlier run or owner, and ignored. Requires: it does not lie before the position.
    struct Evidence {
        std::uint64_t covers_ms = 0;  // how far it reaches back
        Freshness freshness = Freshness::live;
        std::int64_t now_ms = 0;
    };
    [[nodiscard]] bool compare(const SnapshotAnswer& snapshot, const Evidence& evidence,
                               HandedOut& out);
    // Hands out that those doubted are offline whose ttl the evidence covers. Requires: the tracker
    // had it when its stream was where the position is, or before.
    void conclude(const Evidence& evidence, HandedOut& out);
    // What is missing of the evidence for the first of those doubted; 0: nobody is.
    [[nodiscard]] std::uint32_t uncovered_ms(std::uint64_t covers_ms) const;

    [[nodiscard]] Slot slot() const { return slot_; }
    [[nodiscard]] Position position() const { return position_; }
    [[nodiscard]] std::size_t doubted() const { return doubted_; }
    [[nodiscard]] std::size_t users() const { return users_.size(); }
    // That a user is online or offline, as of the position.
    [[nodiscard]] Event difference(const std::string& user, const Told& told, State state,
                                   const Evidence& evidence) const;
    [[nodiscard]] const Told* find(std::string_view user) const;
    void each(const std::function<void(const std::string& user, const Told&)>& fn) const;

    // As it was saved, but for doubts. Requires: nothing was applied or compared yet.
    void restore(Position position, std::vector<std::pair<std::string, Told>> users,
                 HandedOut& out);
    // A change that was handed out after that.
    void redo(const Event& event, HandedOut& out);

private:
    using Users = std::unordered_map<std::string, Told, SecretHash, std::equal_to<>>;

    [[nodiscard]] bool acceptable(std::string_view user,
                                  const std::optional<std::string>& status) const;
    void apply_online(const Event& event, HandedOut& out);
    void apply_offline(const Event& event, HandedOut& out);
    void compare_present(const SnapshotAnswer::User& user, const Evidence& evidence,
                         HandedOut& out);
    bool put(const std::string& user, Told told, HandedOut& out);
    static void hand_out(Event event, bool told, const Told* before, HandedOut& out);
    Users::iterator erase(Users::iterator known, HandedOut& out);
    void doubt(Told& told, bool doubted, HandedOut& out);

    Slot slot_;
    Position position_;
    std::size_t doubted_ = 0;
    Users users_;
};

}  // namespace presence
