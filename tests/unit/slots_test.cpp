#include "common/slots.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace presence;

TEST_CASE("an id's hash is XXH3_64, as published", "[slots]") {
    CHECK(hash_of("") == 0x2d06800538d394c2);
    CHECK(slot_of(hash_of("alice")) < kSlots);
}

TEST_CASE("rendezvous moves only the slots of the tracker that left", "[slots]") {
    const auto three = SlotMap::rendezvous(1, {"t1", "t2", "t3"});
    const auto two = SlotMap::rendezvous(2, {"t1", "t3"});
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        const auto& before = three.trackers[three.owner[slot]];
        const auto& after = two.trackers[two.owner[slot]];
        if (before != "t2") CHECK(before == after);
    }
    for (std::size_t t = 0; t < 3; ++t)
        CHECK(three.slots_of(t).size() > 250);
}

TEST_CASE("the order of trackers in the map does not change ownership", "[slots]") {
    const auto a = SlotMap::rendezvous(1, {"t1", "t2", "t3"});
    const auto b = SlotMap::rendezvous(1, {"t3", "t1", "t2"});
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        CHECK(a.trackers[a.owner[slot]] == b.trackers[b.owner[slot]]);
}

TEST_CASE("an epoch exceeds every known one, whatever the clock says", "[slots]") {
    const Epoch first = make_epoch(1'700'000'000'000, "t1", 0);
    const Epoch later = make_epoch(1'600'000'000'000, "t2", first);
    CHECK(later > first);
    CHECK(later < (Epoch{1} << 53));
    CHECK((later & 1023) == tracker_hash10("t2"));
}
