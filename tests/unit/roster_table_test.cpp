#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <map>

#include "tracker/user_table.hpp"

using namespace presence;
using namespace presence::tracker;

TEST_CASE("the table of a slot finds what a std::map holds, however hashes collide",
          "[roster][table]") {
    rc::prop("adds, removals and drops", [] {
        UserTable table(10'000);
        std::map<std::uint32_t, std::uint64_t> hash_of_user;
        // Few homes, at the table's end too, few tags: long runs that wrap, and equal entries.
        const auto spread = *rc::gen::element<std::uint64_t>(1, 3, 17, 1'000'003);
        for (int step = *rc::gen::inRange(0, 400); step > 0; --step) {
            const auto user = *rc::gen::inRange<std::uint32_t>(0, 200);
            const auto known = hash_of_user.find(user);
            if (*rc::gen::inRange(0, 100) == 0) {
                table.clear(7);
                hash_of_user.clear();
            } else if (known == hash_of_user.end()) {
                const auto hash =
                    (*rc::gen::inRange<std::uint64_t>(0, 20) * spread + ~0u) << 10 | 7;
                table.add(hash, user);
                hash_of_user[user] = hash;
            } else {
                table.remove(known->second, user);
                hash_of_user.erase(known);
            }
            RC_ASSERT(table.count(7) == hash_of_user.size());
        }
        for (std::uint32_t user = 0; user < 200; ++user)
            for (const auto& [other, hash] : hash_of_user) {
                const auto found = table.find(hash, [&](std::uint32_t u) { return u == user; });
                RC_ASSERT(found.has_value() ==
                          (hash_of_user.contains(user) &&
                           (hash_of_user[user] >> 10) << 32 == hash >> 10 << 32));
            }
        std::size_t shown = 0;
        table.each_in(7, [&](std::uint32_t user) { shown += hash_of_user.contains(user); });
        RC_ASSERT(shown == hash_of_user.size());
    });
}

TEST_CASE("a table gives memory back when its users leave", "[roster][table]") {
    UserTable table(10'000);
    const auto empty = table.bytes();
    for (std::uint32_t u = 0; u < 10'000; ++u)
        table.add(std::uint64_t{u} * 0x9e3779b97f4a7c15 << 10, u);
    CHECK(table.bytes() > empty + 10'000 * 8);
    for (std::uint32_t u = 0; u < 10'000; ++u)
        table.remove(std::uint64_t{u} * 0x9e3779b97f4a7c15 << 10, u);
    CHECK(table.bytes() < empty + 1'000);
}
