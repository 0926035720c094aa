#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/check.hpp"
#include "notifier/deliver/delivery.hpp"

namespace presence::testing {

// What a SinkStore keeps, without a disk.
struct KeptInMemory {
    std::map<std::uint64_t, std::string> rows;
    std::map<std::uint32_t, std::pair<std::uint64_t, std::string>> shards;
    std::string facts;

    void before(const notifier::Delivery::Keep& keep) {
        if (!rows.empty() && rows.rbegin()->first >= keep.row) return;
        rows[keep.row] = keep.changes;
        for (const auto& [shard, body] : keep.shards) {
            auto& kept = shards[shard];
            kept.first = keep.row;
            if (body) kept.second = *body;
        }
        facts = keep.facts;
        // As the store: rows that no shard needs are dropped now and then, but for the last.
        if (rows.size() < 8) return;
        auto needed = keep.row;
        for (const auto& [shard, kept] : shards)
            needed = std::min(needed, kept.first + 1);
        rows.erase(rows.begin(), rows.lower_bound(needed));
    }
    void restore(notifier::Delivery& delivery) const {
        for (const auto& [shard, kept] : shards)
            PRESENCE_CHECK(delivery.restore_shard(shard, kept.first, kept.second), "a shard");
        for (const auto& [row, changes] : rows)
            PRESENCE_CHECK(delivery.restore_row(row, changes), "a row");
        PRESENCE_CHECK(facts.empty() || delivery.restore_facts(facts), "the facts");
    }
};

}  // namespace presence::testing
