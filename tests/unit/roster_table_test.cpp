#define XXH_INLINE_ALL
#include <xxhash.h>

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>
#include <unordered_map>

#include "common/secret_hash.hpp"
#include "tracker/roster/roster.hpp"
#include "tracker/roster/user_index.hpp"

using namespace presence;
using namespace presence::tracker;

TEST_CASE("the table of a slot finds what a std::map holds, however hashes collide",
          "[roster][table]") {
    rc::prop("adds, removals and drops", [] {
        UserIndex table(10'000);
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
                          (hash_of_user.contains(user) && hash_of_user[user] == hash));
            }
        std::size_t shown = 0;
        table.each_in(7, [&](std::uint32_t user) { shown += hash_of_user.contains(user); });
        RC_ASSERT(shown == hash_of_user.size());
    });
}

TEST_CASE("a table gives memory back when its users leave", "[roster][table]") {
    UserIndex table(10'000);
    const auto empty = table.bytes();
    for (std::uint32_t u = 0; u < 10'000; ++u)
        table.add(std::uint64_t{u} * 0x9e3779b97f4a7c15 << 10, u);
    CHECK(table.bytes() > empty + 10'000 * 8);
    for (std::uint32_t u = 0; u < 10'000; ++u)
        table.remove(std::uint64_t{u} * 0x9e3779b97f4a7c15 << 10, u);
    CHECK(table.bytes() < empty + 1'000);
}

TEST_CASE("hashes that look alike from outside are found in a few steps", "[roster][table]") {
    constexpr std::uint32_t kUsers = 100'000;
    // All in one slot, and all but the uppermost bits the same.
    const auto chosen = [](std::uint64_t user) { return user << 46 | 0x155555; };
    std::mt19937_64 random(7);
    for (int secrets = 0; secrets < 100; ++secrets) {
        UserIndex table(kUsers, {random(), random() | 1});
        for (std::uint32_t user = 0; user < kUsers; ++user)
            table.add(chosen(user), user);
        std::size_t places = 0, same = 0;
        for (std::uint32_t user = 0; user < kUsers; ++user) {
            const auto search = table.search(chosen(user));
            places += search.places;
            same += search.same;
        }
        CHECK(places < 14 * kUsers);  // to the end of a run: 12.5 on average while it is 3/4 full
        CHECK(same < kUsers + 20);
        CHECK(table.search(7).places == 0);
    }
}

TEST_CASE("numbers and texts that others choose share few places of a table", "[secret]") {
    std::unordered_map<std::uint64_t, int, SecretHash> numbers;
    numbers.reserve(10'000);
    const auto step = numbers.bucket_count();
    for (std::uint64_t i = 0; i < 10'000; ++i)
        numbers[i * step] = 1;  // all in one place, were the hash the number itself
    std::size_t longest = 0;
    for (std::size_t bucket = 0; bucket < numbers.bucket_count(); ++bucket)
        longest = std::max(longest, numbers.bucket_size(bucket));
    CHECK(longest < 20);

    const SecretHash hash;
    CHECK(hash("alice") == SecretHash{}("alice"));
    CHECK(hash("alice") != hash_of("alice"));
}

namespace {

// Ids of 128 bytes with one and the same hash. XXH3 adds up products of 16 bytes each, and of a
// product the factors may be swapped.
std::vector<std::string> ids_of_one_hash(std::size_t count) {
    const auto load = [](const void* p) {
        std::uint64_t word = 0;
        std::memcpy(&word, p, sizeof word);
        return word;
    };
    std::vector<std::string> ids{std::string(128, 'a')};
    for (std::size_t lane = 0; ids.size() < count; ++lane) {
        const std::size_t at = lane * 16, key = lane < 4 ? lane * 32 : (7 - lane) * 32 + 16;
        const auto first = load(XXH3_kSecret + key), second = load(XXH3_kSecret + key + 8);
        for (std::size_t i = 0, before = ids.size(); i < before; ++i) {
            auto id = ids[i];
            const auto low = load(id.data() + at + 8) ^ second ^ first;
            const auto high = load(id.data() + at) ^ first ^ second;
            std::memcpy(id.data() + at, &low, sizeof low);
            std::memcpy(id.data() + at + 8, &high, sizeof high);
            ids.push_back(id);
        }
    }
    ids.resize(count);
    return ids;
}

}  // namespace

TEST_CASE("of users whose ids have one hash of 64 bits, some find room", "[roster][table]") {
    const auto ids = ids_of_one_hash(UserIndex::kSameMax + 10);
    Roster roster({}, Instant{});
    std::vector<Event> told;
    for (const auto& id : ids) {
        REQUIRE(hash_of(id) == hash_of(ids[0]));
        Beat beat;
        beat.user = id;
        beat.hash = hash_of(id);
        beat.ttl_ms = 30'000;
        beat.at = Instant{1s};
        roster.apply(std::span(&beat, 1), {}, told);
    }
    roster.check();
    CHECK(roster.users() == UserIndex::kSameMax);
    CHECK(roster.counters()["users_limit"] == 10);
}
