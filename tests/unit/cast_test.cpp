#include "cli/cast.hpp"

#include <catch2/catch.hpp>

using namespace presence;
using namespace presence::cli;

namespace {

using Parts = std::vector<Part>;

Config with(std::vector<std::string> trackers, std::vector<std::string> collectors,
            std::uint64_t map_version = 1) {
    Config config;
    config.presence.map_version = map_version;
    for (auto& id : trackers)
        config.trackers.emplace_back().id = id;
    for (auto& id : collectors)
        config.collectors.emplace_back().id = id;
    config.notifiers.emplace_back().id = "n1";
    return config;
}

}  // namespace

TEST_CASE("a part that is new in the file is started, one that left it is ended", "[cli][cast]") {
    const auto running = with({"t1", "t2"}, {"c1"});
    const auto changes = recast(running, with({"t1", "t3"}, {"c2", "c1"}, 2));
    CHECK(changes.start == Parts{{"tracker", "t3"}, {"collector", "c2"}});
    CHECK(changes.end == Parts{{"tracker", "t2"}});
    CHECK(changes.refused.empty());
    CHECK(changes.waiting.empty());
}

TEST_CASE("the same file changes nothing", "[cli][cast]") {
    const auto running = with({"t1", "t2"}, {"c1"});
    const auto changes = recast(running, running);
    CHECK(changes.start.empty());
    CHECK(changes.end.empty());
    CHECK(changes.waiting.empty());
}

TEST_CASE("a list of trackers without a higher version waits, and the rest does not",
          "[cli][cast]") {
    const auto running = with({"t1", "t2"}, {"c1"}, 7);
    for (const std::uint64_t version : {6u, 7u}) {
        const auto changes = recast(running, with({"t1", "t3"}, {"c1", "c2"}, version));
        CHECK(changes.start == Parts{{"collector", "c2"}});
        CHECK(changes.end.empty());
        CHECK(changes.waiting.find("map_version is not above 7") != std::string::npos);
    }
}

TEST_CASE("a file that names none of the trackers that run changes nothing at all", "[cli][cast]") {
    const auto changes = recast(with({"t1", "t2"}, {"c1"}), with({"t9"}, {}, 9));
    CHECK_FALSE(changes.refused.empty());
    CHECK(changes.start.empty());
    CHECK(changes.end.empty());
}
