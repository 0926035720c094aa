#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/secret_hash.hpp"
#include "common/slots.hpp"
#include "tracker/roster/memory/buddies.hpp"
#include "tracker/roster/memory/huge_room.hpp"
#include "tracker/roster/memory/prefetch.hpp"

namespace presence::tracker {

// Finds users' indices by hash: one open-addressing table a slot, so that growing one moves a
// thousandth of the users, and dropping a slot is dropping its table.
//
// Entries are 32 bits of the hash as a secret of the process mixes it, and the index; linear
// probing, removal by shifting back, filled up to 7/8. Whether an index is the user meant is for
// the caller to say. Ids can be chosen so that all 64 bits of their hashes are the same: those are
// compared one by one.
class UserIndex {
public:
    // At most `users_max` are in it at once.
    explicit UserIndex(std::size_t users_max, HashSecret secret = hash_secret());

    void prefetch(std::uint64_t hash) const {
        const auto& table = tables_[slot_of(hash)];
        if (table.capacity) tracker::prefetch(&table.entries[tag(hash) & (table.capacity - 1)]);
    }
    // The first index whose hash looks the same.
    [[nodiscard]] std::optional<std::uint32_t> candidate(std::uint64_t hash) const {
        return find(hash, [](std::uint32_t) { return true; });
    }
    template <class Same>
    [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, Same&& same) const {
        const auto& table = tables_[slot_of(hash)];
        if (!table.capacity) return std::nullopt;
        const auto mask = table.capacity - 1;
        for (auto at = tag(hash) & mask; table.entries[at].user_plus_1; at = (at + 1) & mask) {
            const auto& e = table.entries[at];
            if (e.tag == tag(hash) && same(e.user_plus_1 - 1)) return e.user_plus_1 - 1;
        }
        return std::nullopt;
    }
    // How many places a search for it looks at, and how many in it look the same.
    struct Search {
        std::size_t places = 0;
        std::size_t same = 0;
    };
    [[nodiscard]] Search search(std::uint64_t hash) const;
    // Of users with one hash of 64 bits; beyond, they were chosen so: among all users there ever
    // were no two happen to.
    static constexpr std::size_t kSameMax = 32;
    // Requires: not in it.
    void add(std::uint64_t hash, std::uint32_t user);
    // Requires: in it.
    void remove(std::uint64_t hash, std::uint32_t user);

    [[nodiscard]] std::uint32_t count(Slot slot) const { return tables_[slot].count; }
    template <class Fn>
    void each_in(Slot slot, Fn&& fn) const {
        const auto& table = tables_[slot];
        for (std::uint32_t at = 0; at < table.capacity; ++at)
            if (table.entries[at].user_plus_1) fn(table.entries[at].user_plus_1 - 1);
    }
    void clear(Slot slot);
    [[nodiscard]] std::size_t bytes() const;

private:
    struct Entry {
        std::uint32_t tag = 0;
        std::uint32_t user_plus_1 = 0;  // 0: empty
    };
    struct Table {
        Entry* entries = nullptr;
        std::uint32_t capacity = 0;  // a power of two, or none
        std::uint32_t count = 0;
    };
    [[nodiscard]] std::uint32_t tag(std::uint64_t hash) const {
        return static_cast<std::uint32_t>(mixed(hash, secret_));
    }
    static void insert(Table& table, Entry entry);
    void resize(Table& table, std::uint32_t capacity);
    [[nodiscard]] Table take_room(std::uint32_t capacity);
    void give_back(const Table& table);

    HashSecret secret_;
    Buddies buddies_;
    HugeRoom room_;
    std::array<Table, kSlots> tables_;
};

}  // namespace presence::tracker
