#include "tracker/evidence/holds.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <set>

using presence::tracker::Holds;
using presence::tracker::Tick;

TEST_CASE("what was held is told since a time", "[tracker][holds]") {
    Holds holds;
    CHECK(holds.after(0) == 0);
    holds.add(1'000, 4'000);
    holds.add(10'000, 10'500);
    CHECK(holds.after(0) == 3'500);
    CHECK(holds.after(2'000) == 2'500);
    CHECK(holds.after(4'000) == 500);
    CHECK(holds.after(11'000) == 0);
}

TEST_CASE("a hold told turn by turn is one, and what overlaps counts once", "[tracker][holds]") {
    Holds holds;
    holds.add(0, 10);
    for (Tick t = 10; t < 100'000; t += 10)
        holds.add(t - 5, t + 10);
    CHECK(holds.after(0) == 100'000);
    CHECK(holds.bytes() <= 16);
}

TEST_CASE("a great many holds take bounded memory and are never counted for less",
          "[tracker][holds]") {
    Holds holds;
    Tick last = 0;
    for (Tick t = 0; t < 10'000; ++t)
        holds.add(t * 100, last = t * 100 + 60);
    CHECK(holds.after(0) == 10'000 * 60);
    CHECK(holds.bytes() <= 2 * 16 * (Holds::kHoldsMax + 1));
}

TEST_CASE("what lies within the last hold changes nothing", "[tracker][holds]") {
    Holds holds;
    holds.add(5, 5);
    CHECK(holds.bytes() == 0);
    holds.add(0, 100);
    holds.add(10, 50);
    CHECK(holds.after(0) == 100);
}

TEST_CASE("what ended more than an hour before the last end is forgotten", "[tracker][holds]") {
    Holds holds;
    holds.add(0, 10);
    holds.add(20, 30);
    holds.add(Holds::kMemory, Holds::kMemory + 20);
    CHECK(holds.after(0) == 30);
}

TEST_CASE("the two oldest become one only beyond what is kept", "[tracker][holds]") {
    Holds holds;
    const Tick kept = Holds::kHoldsMax;
    for (Tick t = 0; t < kept; ++t)
        holds.add(t * 100, t * 100 + 60);
    CHECK(holds.after(60) == (kept - 1) * 60);
    holds.add(kept * 100, kept * 100 + 60);
    CHECK(holds.after(0) == (kept + 1) * 60);
    CHECK(holds.after(60) == (kept + 1) * 60 - 20);  // as if it had been held just before the next
}

TEST_CASE("holds agree with a set of held milliseconds", "[tracker][holds]") {
    rc::prop("any holds within some minutes of the window's length", [] {
        Holds holds;
        std::set<Tick> held;
        Tick at = Holds::kMemory - 2'000;
        const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
            rc::gen::pair(rc::gen::inRange(0, 300), rc::gen::inRange(0, 300)));
        holds.add(0, 50);
        for (Tick t = 0; t < 50; ++t)
            held.insert(t);
        for (const auto& [pause, length] : steps) {
            const Tick from = at + pause;
            at = from + length;
            holds.add(from, at);
            for (Tick t = from; t < at; ++t)
                held.insert(t);
            const auto count = [&](Tick after) {
                return static_cast<Tick>(std::distance(held.lower_bound(after), held.end()));
            };
            RC_ASSERT(holds.after(at - Holds::kMemory) == count(at - Holds::kMemory));
            RC_ASSERT(holds.after(from + length / 2) == count(from + length / 2));
        }
    });
}
