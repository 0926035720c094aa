#include "tracker/user_table.hpp"

#include <utility>

#include "common/check.hpp"

namespace presence::tracker {
namespace {

constexpr std::uint32_t kCapacityMin = 8;

}  // namespace

void UserTable::add(std::uint64_t hash, std::uint32_t user) {
    auto& table = tables_[slot_of(hash)];
    if (table.count + 1 > table.capacity / 8 * 7)
        resize(table, table.capacity ? table.capacity * 2 : kCapacityMin);
    insert(table, {tag(hash), user + 1});
    ++table.count;
}

void UserTable::remove(std::uint64_t hash, std::uint32_t user) {
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

void UserTable::insert(Table& table, Entry entry) {
    const auto mask = table.capacity - 1;
    auto at = entry.tag & mask;
    while (table.entries[at].user_plus_1)
        at = (at + 1) & mask;
    table.entries[at] = entry;
}

void UserTable::resize(Table& table, std::uint32_t capacity) {
    Table fresh{std::make_unique<Entry[]>(capacity), capacity, table.count};
    for (std::uint32_t at = 0; at < table.capacity; ++at)
        if (table.entries[at].user_plus_1) insert(fresh, table.entries[at]);
    table = std::move(fresh);
}

std::size_t UserTable::bytes() const {
    std::size_t total = sizeof(*this);
    for (const auto& table : tables_)
        total += table.capacity * sizeof(Entry);
    return total;
}

}  // namespace presence::tracker
