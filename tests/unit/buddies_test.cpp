#include "tracker/roster/memory/buddies.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <vector>

using namespace presence::tracker;

TEST_CASE("what is taken does not overlap, and all given back is whole again",
          "[roster][buddies]") {
    rc::prop("takes and returns in any order", [] {
        constexpr unsigned kOrder = 8;
        Buddies buddies(kOrder);
        struct Block {
            std::size_t at;
            unsigned order;
        };
        std::vector<Block> blocks;
        std::vector<bool> taken(1u << kOrder);
        const auto mark = [&](const Block& b, bool to) {
            for (auto u = b.at; u < b.at + (std::size_t{1} << b.order); ++u) {
                RC_ASSERT(taken.at(u) != to);
                taken[u] = to;
            }
        };
        for (int step = *rc::gen::inRange(0, 60); step > 0; --step) {
            if (!blocks.empty() && *rc::gen::arbitrary<bool>()) {
                const auto i = *rc::gen::inRange<std::size_t>(0, blocks.size());
                mark(blocks[i], false);
                buddies.give_back(blocks[i].at, blocks[i].order);
                blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
            } else if (blocks.size() < 15) {  // at most half of the room
                const auto order = *rc::gen::inRange(0u, 4u);
                blocks.push_back({buddies.take(order), order});
                RC_ASSERT(blocks.back().at % (std::size_t{1} << order) == 0);
                mark(blocks.back(), true);
            }
        }
        for (const auto& b : blocks)
            buddies.give_back(b.at, b.order);
        RC_ASSERT(buddies.take(kOrder) == 0);
    });
}

TEST_CASE("the lowest block that fits is taken, not the smallest", "[roster][buddies]") {
    Buddies buddies(4);
    const auto low = buddies.take(2);
    const auto next = buddies.take(0);
    CHECK(low == 0);
    CHECK(next == 4);
    buddies.give_back(low, 2);
    CHECK(buddies.take(0) == 0);
}
