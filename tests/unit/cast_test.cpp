#include "cli/up/cast.hpp"

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
    CHECK(changes.start == Parts{{ProcessKind::tracker, "t3"}, {ProcessKind::collector, "c2"}});
    CHECK(changes.end == Parts{{ProcessKind::tracker, "t2"}});
    CHECK(changes.refused.empty());
}

TEST_CASE("who stays and has another table, or other trackers to follow, is started again",
          "[cli][cast]") {
    const auto running = with({"t1", "t2"}, {"c1", "c2"});
    auto read = with({"t1", "t2"}, {"c1", "c2"});
    read.collectors[1].heartbeats = "tcp://127.0.0.1:9999";
    read.presence.timeout += 1s;
    CHECK(recast(running, read).restart == Parts{{ProcessKind::collector, "c2"}});

    read = with({"t1", "t2", "t3"}, {"c1", "c2"}, 2);
    read.trackers[1].query = "tcp://127.0.0.1:9999";
    const auto changes = recast(running, read);
    CHECK(changes.start == Parts{{ProcessKind::tracker, "t3"}});
    CHECK(changes.restart == Parts{{ProcessKind::tracker, "t2"}, {ProcessKind::notifier, "n1"}});
}

TEST_CASE("the same file changes nothing", "[cli][cast]") {
    const auto running = with({"t1", "t2"}, {"c1"});
    const auto changes = recast(running, running);
    CHECK(changes.start.empty());
    CHECK(changes.end.empty());
    CHECK(changes.refused.empty());
}

TEST_CASE("a list of trackers that differs without a higher version changes nothing at all",
          "[cli][cast]") {
    const auto running = with({"t1", "t2"}, {"c1"}, 7);
    auto moved = running;
    moved.trackers[1].query = "tcp://127.0.0.1:9999";  // as the default of a file that was cut
    for (const auto& read : {with({"t1", "t3"}, {"c1", "c2"}, 6), with({"t1", "t3"}, {"c1"}, 7),
                             with({"t1"}, {"c1"}, 7), with({"t1", "t2"}, {"c1"}, 6), moved}) {
        const auto changes = recast(running, read);
        CHECK(changes.start.empty());
        CHECK(changes.end.empty());
        CHECK(changes.refused.find("`map_version` is not above 7") != std::string::npos);
    }
    CHECK(recast(running, with({"t2", "t1"}, {"c1"}, 7)).refused.empty());
}

TEST_CASE("a file without any table of a kind changes nothing at all", "[cli][cast]") {
    const auto running = with({"t1"}, {"c1"});
    auto cut = running;
    cut.defaulted.sink = true;
    CHECK(recast(running, cut).refused == "it has no [[sink]] any more: was the file cut short?");
    CHECK(recast(cut, cut).refused.empty());
}

TEST_CASE("a file that names none of the trackers that run changes nothing at all", "[cli][cast]") {
    const auto changes = recast(with({"t1", "t2"}, {"c1"}), with({"t9"}, {}, 9));
    CHECK_FALSE(changes.refused.empty());
    CHECK(changes.start.empty());
    CHECK(changes.end.empty());
}
