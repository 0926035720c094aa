#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/event.hpp"

// What trackers publish for followers (docs/protocol.md, "Events").
namespace presence {

inline constexpr std::uint32_t kBatchVersion = 1;

inline constexpr std::string_view kTopicBatch = "batch";
inline constexpr std::string_view kTopicTick = "tick";
inline constexpr std::string_view kTopicUserPrefix = "user/";
[[nodiscard]] std::string topic_of_user(std::string_view user);  // "user/<id>\0"

// Events of one slot, in order; the n-th has seq first_seq + n.
struct SlotEvents {
    Slot slot = 0;
    Epoch epoch = 0;
    std::uint64_t first_seq = 0;
    std::vector<Event> events;  // slot, epoch and seq set
};

struct Batch {
    std::string tracker;
    std::uint64_t boot = 0;
    std::uint64_t number = 0;     // 1, 2, ... within the boot
    std::uint64_t prev_boot = 0;  // 0: none known
    std::vector<SlotEvents> slots;
};

struct Tick {
    std::string tracker;
    std::uint64_t boot = 0;
    std::uint64_t last_batch = 0;  // 0: none yet
    // Of all that the tracker knows: a quiet one says nothing else of it.
    Freshness freshness = Freshness::live;
};

[[nodiscard]] std::string encode_batch(const Batch& batch);
[[nodiscard]] std::optional<Batch> decode_batch(std::string_view bytes);
[[nodiscard]] std::string encode_tick(const Tick& tick);
[[nodiscard]] std::optional<Tick> decode_tick(std::string_view bytes);

}  // namespace presence
