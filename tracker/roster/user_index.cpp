#include "tracker/roster/user_index.hpp"

#include <algorithm>
#include <bit>

#include "common/check.hpp"

namespace presence::tracker {
namespace {

constexpr std::uint32_t kCapacityMin = 8;  // the unit in which the room is given out

unsigned order_of(std::uint32_t capacity) {
    return static_cast<unsigned>(std::countr_zero(capacity / kCapacityMin));
}

// Units for every slot and, as tables are at least 7/16 full when they have grown, three times what
// users_max take: for holes, and for tables on the move.
unsigned room_order(std::size_t users_max) {
    return static_cast<unsigned>(std::bit_width(users_max + 2 * kSlots));
}

}  // namespace

UserIndex::UserIndex(std::size_t users_max, HashSecret secret)
    : secret_(secret),
      buddies_(room_order(users_max)),
      room_((std::size_t{kCapacityMin} << room_order(users_max)) * sizeof(Entry)) {}

UserIndex::Table UserIndex::take_room(std::uint32_t capacity) {
    const auto unit = buddies_.take(order_of(capacity));
    auto* const entries = static_cast<Entry*>(room_.begin()) + unit * kCapacityMin;
    std::fill_n(entries, capacity, Entry{});
    return {entries, capacity, 0};
}

void UserIndex::give_back(const Table& table) {
    if (table.capacity == 0) return;
    const auto at = table.entries - static_cast<Entry*>(room_.begin());
    buddies_.give_back(static_cast<std::size_t>(at) / kCapacityMin, order_of(table.capacity));
}

void UserIndex::clear(Slot slot) {
    give_back(tables_[slot]);
    tables_[slot] = {};
}

void UserIndex::add(std::uint64_t hash, std::uint32_t user) {
    auto& table = tables_[slot_of(hash)];
    if (table.count + 1 > table.capacity / 8 * 7)
        resize(table, table.capacity ? table.capacity * 2 : kCapacityMin);
    insert(table, {tag(hash), user + 1});
    ++table.count;
}

void UserIndex::remove(std::uint64_t hash, std::uint32_t user) {
    auto& table = tables_[slot_of(hash)];
    PRESENCE_CHECK(table.count > 0, "removed from an empty table");
    const auto mask = table.capacity - 1;
    auto hole = tag(hash) & mask;
    while (table.entries[hole].user_plus_1 != user + 1) {
        PRESENCE_CHECK(table.entries[hole].user_plus_1, "removed what is not in the table");
        hole = (hole + 1) & mask;
    }
    // What was pushed over the hole on its way from home moves into it.
    for (auto at = (hole + 1) & mask; table.entries[at].user_plus_1; at = (at + 1) & mask) {
        const auto from_home = (at - table.entries[at].tag) & mask;
        if (from_home < ((at - hole) & mask)) continue;
        table.entries[hole] = table.entries[at];
        hole = at;
    }
    table.entries[hole] = {};
    if (--table.count < table.capacity / 8 && table.capacity > kCapacityMin)
        resize(table, table.capacity / 2);
}

UserIndex::Search UserIndex::search(std::uint64_t hash) const {
    Search found;
    const auto& table = tables_[slot_of(hash)];
    if (!table.capacity) return found;
    const auto mask = table.capacity - 1;
    for (auto at = tag(hash) & mask; table.entries[at].user_plus_1; at = (at + 1) & mask) {
        ++found.places;
        found.same += table.entries[at].tag == tag(hash);
    }
    return found;
}

void UserIndex::insert(Table& table, Entry entry) {
    const auto mask = table.capacity - 1;
    auto at = entry.tag & mask;
    while (table.entries[at].user_plus_1)
        at = (at + 1) & mask;
    table.entries[at] = entry;
}

void UserIndex::resize(Table& table, std::uint32_t capacity) {
    auto fresh = take_room(capacity);
    fresh.count = table.count;
    for (std::uint32_t at = 0; at < table.capacity; ++at)
        if (table.entries[at].user_plus_1) insert(fresh, table.entries[at]);
    give_back(table);
    table = fresh;
}

std::size_t UserIndex::bytes() const {
    std::size_t total = sizeof(*this);
    for (const auto& table : tables_)
        total += table.capacity * sizeof(Entry);
    return total;
}

}  // namespace presence::tracker
