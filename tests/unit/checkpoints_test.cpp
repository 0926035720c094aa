#include "tracker/checkpoints.hpp"

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

TEST_CASE("half as many bytes of states as of batches are written, however fast they come",
          "[tracker][checkpoints]") {
    Checkpoints checkpoints;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        checkpoints.on_change(static_cast<Slot>(slot));
    checkpoints.on_bytes(20'000);
    std::size_t written = 0;
    for (auto slot = checkpoints.next(at(0s)); slot; slot = checkpoints.next(at(0s))) {
        checkpoints.on_written(*slot, 3'000, at(0s));
        written += 3'000;
    }
    CHECK(written == 12'000);
    // What was written beyond the debt is no credit against the next.
    checkpoints.on_bytes(1);
    CHECK(checkpoints.next(at(0s)));
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
