#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/follow/follower.hpp"
#include "common/follow/ledger.hpp"

// What a delivery keeps over restarts, as bytes: rows of changes, shards of its ledger, and facts.
namespace presence::notifier {

inline constexpr std::uint32_t kShards = 256;
[[nodiscard]] constexpr std::uint32_t shard_of(Slot slot) {
    return slot / (kSlots / kShards);
}

// Where the follower of a tracker goes on, and which slots it has to compare first.
struct Place {
    std::string tracker;
    Cursor cursor;
    std::vector<Slot> open_slots;
    std::int64_t heard_ms = 0;  // its clock; see Held
    friend bool operator==(const Place&, const Place&) = default;
};

// Where the followers go on, and how far the sink has come.
struct Facts {
    std::vector<Place> places;  // of all trackers
    std::uint64_t row = 0;
    std::uint64_t told = 0;     // of that row's changes that are told, so many were
    std::uint64_t sink = 0;     // tells this sink from others, and from itself once it begins anew
    std::uint64_t chunks = 0;   // that it took
    std::string user_prefix{};  // the sink was told of users whose ids begin so
    friend bool operator==(const Facts&, const Facts&) = default;
};
[[nodiscard]] std::string encode_facts(const Facts& facts);
[[nodiscard]] std::optional<Facts> decode_facts(std::string_view bytes);

// An offline that is not told yet; see Held.
struct HeldOffline {
    Event event;
    std::optional<std::string> status;  // that the listener takes the user to have
    std::int64_t since_ms = 0;          // on the clock of their tracker
    friend bool operator==(const HeldOffline&, const HeldOffline&) = default;
};

// What a portion is: changes, and which of them are held.
struct KeptRow {
    std::vector<Change> changes;
    std::vector<HeldOffline> held;
};
[[nodiscard]] std::string encode_row(const std::vector<Change>& changes,
                                     const std::vector<HeldOffline>& held);
[[nodiscard]] std::optional<KeptRow> decode_row(std::string_view bytes);

struct KeptSlot {
    Slot slot = 0;
    Position position;
    std::vector<std::pair<std::string, Told>> users;
};
struct KeptShard {
    std::vector<KeptSlot> slots;
    std::vector<HeldOffline> held;
};
[[nodiscard]] std::string encode_shard(const std::vector<const Ledger*>& ledgers,
                                       const std::vector<HeldOffline>& held);
[[nodiscard]] std::optional<KeptShard> decode_shard(std::string_view bytes);

}  // namespace presence::notifier
