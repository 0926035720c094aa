#include <catch2/catch.hpp>
#include <set>

#include "cli/up/demo.hpp"

using namespace presence;
using namespace presence::cli;

namespace {
const Instant kStart{1h};
}

TEST_CASE("the demo's users come at once, and leave in both ways", "[cli][demo]") {
    Demo demo(kStart, 7);
    CHECK(demo.due(kStart).size() == 1);
    std::map<std::string_view, Instant> last;
    int tombstones = 0;
    int silences = 0;
    for (Instant now = kStart; now < kStart + 5min; now += Demo::kInterval) {
        for (const auto& beat : demo.due(now)) {
            if (last.count(beat.user) > 0 && now - last[beat.user] > 3s) ++silences;
            last[beat.user] = now;
            if (!beat.bye) continue;
            ++tombstones;
            last.erase(beat.user);
        }
    }
    CHECK(tombstones > 5);
    CHECK(silences > 5);
    CHECK(last.size() <= 8);
}

TEST_CASE("the demo beats no faster than its interval", "[cli][demo]") {
    Demo demo(kStart, 1);
    CHECK_FALSE(demo.due(kStart).empty());
    CHECK(demo.next_wakeup() == kStart + Demo::kInterval);
    CHECK(demo.due(kStart + Demo::kInterval - 1us).empty());
}
