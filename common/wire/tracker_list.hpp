#pragma once

#include <bitset>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/slots.hpp"

// Lists of trackers, as processes tell one another by which one they go.
namespace presence {

using SlotSet = std::bitset<kSlots>;
// Empty if the tracker is not in the map.
[[nodiscard]] SlotSet slots_owned(const SlotMap& map, std::string_view tracker);

// Of two lists the one of higher rank is newer: first by its version, then by its hash, so that two
// lists of one version have an order, too.
struct ListRank {
    std::uint64_t version = 0;
    std::uint64_t hash = 0;  // 0: not told, by a process of an older release
    friend auto operator<=>(const ListRank&, const ListRank&) = default;
};

// The hash covers what decides who owns a slot: the ids, in no order.
[[nodiscard]] ListRank rank_of(const SlotMap& map);
// "2/9f86d081884c7d65", for people.
[[nodiscard]] std::string text_of(const ListRank& rank);

// The ids as frames tell them: u8 length (1..64) | id, back to back.
[[nodiscard]] std::string encode_list(const SlotMap& map);
// Nothing: malformed, empty, or more than 1,024.
[[nodiscard]] std::optional<std::vector<std::string>> decode_list(std::string_view bytes);

// Epochs that other processes tell: beyond it (the year 2200) none is believed, so that there is
// always room for the next.
[[nodiscard]] constexpr bool is_plausible(Epoch epoch) {
    constexpr Epoch kYear2200Ms = 7'258'118'400'000;
    return epoch >> 10 < kYear2200Ms;
}

}  // namespace presence
