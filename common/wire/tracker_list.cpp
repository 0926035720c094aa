#include "common/wire/tracker_list.hpp"

#include <algorithm>
#include <cstdio>

#include "common/limits.hpp"

namespace presence {
namespace {

constexpr std::size_t kTrackersMax = 1'024;  // their 10-bit hashes differ

}  // namespace

SlotSet slots_owned(const SlotMap& map, std::string_view tracker) {
    SlotSet slots;
    for (std::size_t i = 0; i < map.trackers.size(); ++i) {
        if (map.trackers[i] != tracker) continue;
        for (const auto slot : map.slots_of(i))
            slots.set(slot);
    }
    return slots;
}

ListRank rank_of(const SlotMap& map) {
    auto ids = map.trackers;
    std::sort(ids.begin(), ids.end());
    std::string all;
    for (const auto& id : ids)
        all.append(id).push_back('\0');
    return {map.version, std::max<std::uint64_t>(hash_of(all), 1)};
}

std::string text_of(const ListRank& rank) {
    char hash[17];
    std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(rank.hash));
    return std::to_string(rank.version) + "/" + (rank.hash == 0 ? "unknown" : hash);
}

std::string encode_list(const SlotMap& map) {
    std::string bytes;
    for (const auto& id : map.trackers) {
        bytes += static_cast<char>(id.size());
        bytes += id;
    }
    return bytes;
}

std::optional<std::vector<std::string>> decode_list(std::string_view bytes) {
    std::vector<std::string> ids;
    while (!bytes.empty()) {
        const auto size = static_cast<unsigned char>(bytes[0]);
        if (size == 0 || size > kNameBytesMax || size >= bytes.size() || ids.size() == kTrackersMax)
            return std::nullopt;
        ids.emplace_back(bytes.substr(1, size));
        bytes.remove_prefix(1 + size);
    }
    if (ids.empty()) return std::nullopt;
    return ids;
}

}  // namespace presence
