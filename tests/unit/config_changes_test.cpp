#include "common/config_changes.hpp"

#include <catch2/catch.hpp>

using namespace presence;

TEST_CASE("what has changed in a configuration is named", "[config]") {
    const auto before = default_config();
    CHECK(changed_settings(before, before).empty());
    auto after = before;
    after.presence.timeout = 7s;
    after.sinks.at(0).mode = "latest";
    auto tracker = before.trackers.at(0);
    tracker.id = "t2";
    after.trackers.push_back(tracker);
    CHECK(changed_settings(before, after) == "sink stdout mode, timeout, tracker t2");
    CHECK(changed_settings(after, before) == "sink stdout mode, timeout, tracker t2");
}
