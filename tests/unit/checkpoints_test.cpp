#include "tracker/stream/checkpoints.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace presence;
using tracker::Checkpoints;

namespace {

Instant at(Duration d) {
    return Instant{1'000s + d};
}

}  // namespace

TEST_CASE("what changed is written, the longest changed first, one slot an interval",
          "[tracker][checkpoints]") {
    Checkpoints checkpoints;
    CHECK_FALSE(checkpoints.next(at(0s)));
    for (const Slot slot : {Slot{7}, Slot{3}, Slot{7}, Slot{1023}})
        checkpoints.on_change(slot);
    CHECK(checkpoints.next(at(0s)) == Slot{7});
    checkpoints.on_written(7, 100, at(0s));
    CHECK_FALSE(checkpoints.next(at(99ms)));
    CHECK(checkpoints.next(at(100ms)) == Slot{3});
    checkpoints.on_change(7);
    checkpoints.on_written(3, 100, at(100ms));
    CHECK(checkpoints.next(at(200ms)) == Slot{1023});
    checkpoints.on_written(1023, 100, at(200ms));
    CHECK(checkpoints.next(at(300ms)) == Slot{7});
    checkpoints.on_written(7, 100, at(300ms));
    CHECK_FALSE(checkpoints.next(at(1h)));
}

namespace {

// All slots have changed, and each state has 45,000 bytes.
struct Storm {
    Storm() {
        for (std::uint32_t slot = 0; slot < kSlots; ++slot)
            checkpoints.on_change(static_cast<Slot>(slot));
        write();
    }
    void write() {
        checkpoints.on_written(*checkpoints.next(now), 45'000, now);
        ++states;
    }
    // Looked at each ms.
    void pass(Duration time) {
        for (const Instant end = now + time; now < end; now += 1ms)
            while (checkpoints.next(now))
                write();
    }
    Checkpoints checkpoints;
    Instant now = at(0s);
    int states = 0;
};

}  // namespace

TEST_CASE("what a storm owes is paid back in its time, more than half in the first",
          "[tracker][checkpoints]") {
    Storm storm;
    storm.checkpoints.on_bytes(50'000'000);
    storm.pass(1s);
    CHECK(storm.states > 25);  // 1.5 MB/s
    CHECK(storm.states < 40);
    storm.pass(Checkpoints::kRepayment - 1s);
    CHECK(storm.states > 50'000'000 / 90'000 / 2);
    const int before = storm.states;
    storm.pass(60s);
    CHECK(storm.states > 50'000'000 / 90'000);
    CHECK(storm.states - before >= 600);  // one an interval at least
}

TEST_CASE("beyond what may be owed, states are written at once", "[tracker][checkpoints]") {
    Storm storm;
    storm.checkpoints.on_bytes(Checkpoints::kOwedMax + 900'000);
    storm.pass(1ms);
    CHECK(storm.states >= 11);
    CHECK(storm.states <= 12);
}

TEST_CASE("what was written beyond the debt is no credit against the next",
          "[tracker][checkpoints]") {
    Storm storm;
    storm.checkpoints.on_bytes(10);
    storm.pass(1s);
    storm.checkpoints.on_bytes(50'000'000);
    const int before = storm.states;
    storm.pass(1s);
    CHECK(storm.states - before > 25);
}

TEST_CASE("all slots that did not change come up in turn", "[tracker][checkpoints]") {
    Checkpoints checkpoints;
    checkpoints.on_change(5);
    std::set<Slot> seen;
    for (std::size_t n = 0; n < kSlots / Checkpoints::kRefreshed; ++n)
        for (const auto slot : checkpoints.unchanged())
            seen.insert(slot);
    CHECK(seen.size() == kSlots - 1);
    CHECK_FALSE(seen.contains(5));
}
