#include "common/slots.hpp"

// Inline: faster for short ids, and the library form needs no other library.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "common/check.hpp"

namespace presence {

std::uint64_t hash_of(std::string_view user) {
    return XXH3_64bits(user.data(), user.size());
}

std::size_t owner_of(Slot slot, std::span<const std::string> trackers) {
    PRESENCE_CHECK(!trackers.empty(), "a slot needs a tracker");
    const auto weight = [&](const std::string& id) {
        std::string key = id;
        key.push_back('\0');
        key.push_back(static_cast<char>(slot & 0xff));
        key.push_back(static_cast<char>(slot >> 8));
        return XXH3_64bits(key.data(), key.size());
    };
    std::size_t best = 0;
    auto best_weight = weight(trackers[0]);
    for (std::size_t i = 1; i < trackers.size(); ++i) {
        const auto w = weight(trackers[i]);
        if (w > best_weight || (w == best_weight && trackers[i] < trackers[best])) {
            best = i;
            best_weight = w;
        }
    }
    return best;
}

SlotMap SlotMap::rendezvous(std::uint64_t version, std::vector<std::string> trackers) {
    SlotMap map{.version = version, .trackers = std::move(trackers)};
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        map.owner[slot] =
            static_cast<std::uint16_t>(owner_of(static_cast<Slot>(slot), map.trackers));
    return map;
}

std::vector<Slot> SlotMap::slots_of(std::size_t tracker) const {
    std::vector<Slot> slots;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        if (owner[slot] == tracker) slots.push_back(static_cast<Slot>(slot));
    return slots;
}

std::uint32_t tracker_hash10(std::string_view tracker) {
    return static_cast<std::uint32_t>(hash_of(tracker) & 1023);
}

Epoch make_epoch(std::int64_t unix_ms, std::string_view tracker, Epoch highest_known) {
    const auto hash = tracker_hash10(tracker);
    // A clock past the year 2248 begins anew: it is wrong, and decides nothing.
    const auto wall =
        static_cast<std::uint64_t>(std::max<std::int64_t>(unix_ms, 0)) % ((kEpochEnd >> 10) - 1);
    const auto ms = std::max<std::uint64_t>(wall, (highest_known >> 10) + 1);
    const Epoch epoch = ms << 10 | hash;
    PRESENCE_CHECK(epoch < kEpochEnd, "no epoch is left");
    return epoch;
}

}  // namespace presence
