#include "tracker/disk/fair_queue.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <map>
#include <vector>

using presence::tracker::FairQueue;

namespace {

std::vector<int> drain(FairQueue<int>& queue) {
    std::vector<int> all;
    while (!queue.empty()) {
        const int next = queue.front();
        CHECK(queue.pop() == next);
        all.push_back(next);
    }
    return all;
}

}  // namespace

TEST_CASE("who asks once is served after one of each who asked much", "[tracker][replay]") {
    FairQueue<int> queue(10, 100);
    for (int n = 0; n < 100; ++n) {
        REQUIRE(queue.push("a", 1));
        REQUIRE(queue.push("b", 2));
    }
    REQUIRE(queue.push("c", 3));
    const auto served = drain(queue);
    REQUIRE(served.size() == 201);
    CHECK(std::vector(served.begin(), served.begin() + 5) == std::vector{1, 2, 3, 1, 2});
}

TEST_CASE("each is served in the order they asked", "[tracker][replay]") {
    FairQueue<int> queue(2, 3);
    REQUIRE(queue.push("a", 1));
    REQUIRE(queue.push("a", 2));
    REQUIRE(queue.push("b", 3));
    CHECK(queue.pop() == 1);
    REQUIRE(queue.push("a", 4));
    CHECK(drain(queue) == std::vector{3, 2, 4});
}

TEST_CASE("what waits is bounded for each peer, and in peers", "[tracker][replay]") {
    FairQueue<int> queue(2, 2);
    CHECK(queue.push("a", 1));
    CHECK(queue.push("a", 2));
    CHECK_FALSE(queue.push("a", 3));
    CHECK(queue.push("b", 4));
    CHECK_FALSE(queue.push("c", 5));
    CHECK(drain(queue) == std::vector{1, 4, 2});
    CHECK(queue.push("c", 6));
    CHECK(drain(queue) == std::vector{6});
    CHECK_FALSE(FairQueue<int>(2, 0).push("a", 1));
}

TEST_CASE("whoever waits is served before anybody twice", "[tracker][replay]") {
    rc::prop("", [](const std::vector<std::pair<bool, std::uint8_t>>& steps) {
        FairQueue<std::string> queue(8, 4);
        std::map<std::string, int> waits;                                // how many
        std::map<std::string, std::map<std::string, int>> served_since;  // by who waits
        for (const auto& [push, which] : steps) {
            const auto peer = std::to_string(which % 10);
            if (push) {
                const bool room = waits.contains(peer) ? waits[peer] < 4 : waits.size() < 8;
                RC_ASSERT(queue.push(peer, peer) == room);
                if (room && ++waits[peer] == 1) served_since[peer].clear();
            } else if (!queue.empty()) {
                const auto served = queue.pop();
                RC_ASSERT(waits[served] > 0);
                served_since[served].clear();
                if (--waits[served] == 0) waits.erase(served);
                for (const auto& [other, count] : waits)
                    if (other != served) RC_ASSERT(++served_since[other][served] <= 1);
            }
            RC_ASSERT(queue.empty() == waits.empty());
        }
    });
}
