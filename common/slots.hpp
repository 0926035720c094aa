#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Slots: the fixed shares of the users that trackers own.
namespace presence {

inline constexpr std::uint32_t kSlots = 1024;
using Slot = std::uint16_t;
[[nodiscard]] constexpr bool is_slot(Slot slot) {
    return slot < kSlots;
}

// XXH3_64 of the id's bytes, unseeded: part of the public contract.
[[nodiscard]] std::uint64_t hash_of(std::string_view user);

[[nodiscard]] constexpr Slot slot_of(std::uint64_t hash) {
    return static_cast<Slot>(hash % kSlots);
}

// Rendezvous hashing (Thaler and Ravishankar, 1998): index of the tracker with the highest
// XXH3_64(id, 0x00, slot as u16 little endian); of equals the smaller id. Requires a tracker.
[[nodiscard]] std::size_t owner_of(Slot slot, std::span<const std::string> trackers);

// Who owns what, under one version. A higher version wins over a lower one.
struct SlotMap {
    std::uint64_t version = 1;
    std::vector<std::string> trackers;
    std::array<std::uint16_t, kSlots> owner{};  // index into trackers

    static SlotMap rendezvous(std::uint64_t version, std::vector<std::string> trackers);
    [[nodiscard]] std::vector<Slot> slots_of(std::size_t tracker) const;
};

// Identity of a slot's stream under one owner and run: unix ms at start, then 10 bits of the
// tracker's id; below 2^53, so that every JSON reader holds it exactly.
using Epoch = std::uint64_t;
inline constexpr Epoch kEpochEnd = 1ull << 53;
// Whether it is one, and leaves room for the one that a next owner makes. Decoders refuse others.
[[nodiscard]] constexpr bool is_epoch(Epoch epoch) {
    return epoch < kEpochEnd - 1024;
}
[[nodiscard]] std::uint32_t tracker_hash10(std::string_view tracker);
// Requires a `highest_known` that is_epoch().
[[nodiscard]] Epoch make_epoch(std::int64_t unix_ms, std::string_view tracker, Epoch highest_known);

}  // namespace presence
