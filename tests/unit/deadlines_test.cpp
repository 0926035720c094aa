#include "tracker/roster/deadlines.hpp"

#include <rapidcheck/catch.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <optional>

using namespace presence::tracker;

namespace {

// The same promises from a std::multimap with 64-bit times.
struct Oracle {
    std::multimap<std::int64_t, std::uint32_t> by_deadline;
    std::map<std::uint32_t, std::multimap<std::int64_t, std::uint32_t>::iterator> by_user;

    void erase(std::uint32_t user) {
        const auto it = by_user.find(user);
        if (it == by_user.end()) return;
        by_deadline.erase(it->second);
        by_user.erase(it);
    }
    void set(std::uint32_t user, std::int64_t deadline) {
        erase(user);
        by_user[user] = by_deadline.emplace(deadline, user);
    }
};

std::uint32_t wrapped(std::int64_t t) {
    return static_cast<std::uint32_t>(t);
}

// Ends at the oracle's state, or fails.
void take_all(Deadlines& deadlines, Oracle& oracle, std::int64_t now) {
    std::vector<Due> due;
    for (bool more = true; more;) {
        const auto limit = *rc::gen::inRange<std::size_t>(1, 9);
        due.clear();
        more = deadlines.take_due(wrapped(now), limit, due);
        RC_ASSERT(due.size() <= limit);
        for (const auto& d : due) {
            const auto it = oracle.by_user.find(d.user);
            RC_ASSERT(it != oracle.by_user.end());
            const auto truth = it->second->first;
            RC_ASSERT(truth < now + 1);
            // One value is reserved: what falls on it comes out 1 ms early.
            if (wrapped(truth) != Deadlines::kNone) {
                RC_ASSERT(truth < now);
                RC_ASSERT(d.deadline == wrapped(truth));
            }
            oracle.erase(d.user);
        }
    }
    RC_ASSERT(oracle.by_deadline.empty() || oracle.by_deadline.begin()->first >= now);
}

}  // namespace

TEST_CASE("deadlines come due as in a multimap, also where the ms wrap", "[deadlines]") {
    rc::prop("any trace", [] {
        Deadlines deadlines{1 << 20};
        Oracle oracle;
        const auto start = *rc::gen::element<std::int64_t>(0, (1ll << 31) - 5'000, (1ll << 32) - 50,
                                                           (1ll << 32) - 5'000);
        const auto users = *rc::gen::element<std::uint32_t>(3, 200, 5'000);
        auto now = start;
        for (int step = *rc::gen::inRange(1, 200); step > 0; --step) {
            const auto user = *rc::gen::inRange<std::uint32_t>(0, users);
            const auto deadline = now + *rc::gen::inRange<std::int64_t>(-20, 200);
            const auto known = oracle.by_user.find(user);
            switch (*rc::gen::inRange(0, 8)) {
                case 0:
                    if (known != oracle.by_user.end()) deadlines.erase(user);
                    oracle.erase(user);
                    break;
                case 1:
                    now += *rc::gen::inRange<std::int64_t>(0, 100);
                    take_all(deadlines, oracle, now);
                    break;
                default:
                    deadlines.set(user, wrapped(deadline));
                    oracle.set(user, deadline);
            }
            deadlines.check();
            if (!oracle.by_deadline.empty()) {
                const auto bound = deadlines.bound();
                RC_ASSERT(bound.has_value());
                const auto first = oracle.by_deadline.begin()->first;
                RC_ASSERT(static_cast<std::int32_t>(wrapped(first) - *bound) >= 0);
            }
        }
        take_all(deadlines, oracle, now + 400);
        RC_ASSERT(oracle.by_deadline.empty());
    });
}

TEST_CASE("a call takes at most its limit, and every block gets its turn", "[deadlines]") {
    Deadlines deadlines{1 << 20};
    constexpr std::uint32_t kUsers = 3'000;
    for (std::uint32_t u = 0; u < kUsers; ++u)
        deadlines.set(u, 100 + u % 7);
    std::vector<int> seen(kUsers);
    for (int call = 0; call < 45; ++call) {
        std::vector<Due> due;
        const bool more = deadlines.take_due(1'000, 100, due);
        CHECK((more ? due.size() == 100 : due.size() <= 100));
        for (const auto& d : due)
            ++seen[d.user];
        for (std::uint32_t u = 0; u < 50; ++u)
            deadlines.set(u, 100);  // some of the first block are due anew all the time
    }
    CHECK(std::count(seen.begin() + 50, seen.end(), 1) == kUsers - 50);
}

TEST_CASE("what was looked at is not looked at again before it is due", "[deadlines]") {
    Deadlines deadlines{1 << 20};
    for (std::uint32_t u = 0; u < 2'000; ++u)
        deadlines.set(u, 100);
    for (std::uint32_t u = 0; u < 2'000; ++u)
        deadlines.set(u, u == 1'500 ? 700 : 5'000);
    std::vector<Due> due;
    CHECK(deadlines.bound() == 100u);
    CHECK_FALSE(deadlines.take_due(200, 10, due));
    CHECK(due.empty());
    CHECK(deadlines.bound() == 700u);
    CHECK_FALSE(deadlines.take_due(701, 10, due));
    CHECK(due.size() == 1);
    CHECK(deadlines.bound() == 5'000u);
}

TEST_CASE("who never had a deadline has none", "[deadlines]") {
    Deadlines deadlines{1 << 20};
    deadlines.set(1'023, 100);
    CHECK(deadlines.of(1'023) == 100u);
    CHECK_FALSE(deadlines.of(1'022));
    CHECK_FALSE(deadlines.of(1'024));
    CHECK_FALSE(deadlines.of(5'000));
}

TEST_CASE("the deadlines of many users cost little more than four bytes each", "[deadlines]") {
    Deadlines deadlines{1 << 20};
    for (std::uint32_t u = 0; u < 100'000; ++u)
        deadlines.set(u, u);
    CHECK(deadlines.bytes() < 430'000);
}
