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

TEST_CASE("of a file that is read again, what a process does not take over waits", "[config]") {
    const auto running = default_config(2, 2);
    const auto waiting = [&](const Config& read, const char* kind, const char* id) {
        return waiting_changes(running, read, kind, id);
    };
    auto read = running;
    read.presence.timeout = 7s;
    read.collectors.at(0).heartbeats_bind = "tcp://127.0.0.1:9000";
    read.trackers.at(0).data = "elsewhere";
    read.sinks.at(0).mode = "latest";
    CHECK(waiting(read, "collector", "c1") ==
          "collector c1 heartbeats_bind, timeout, tracker t1 data");
    CHECK(waiting(read, "collector", "c2") == "timeout, tracker t1 data");
    CHECK(waiting(read, "tracker", "t1") == "timeout, tracker t1 data");
    CHECK(waiting(read, "notifier", "n1") == "sink stdout mode, timeout, tracker t1 data");

    read = running;
    read.trackers.at(1).data = "elsewhere";
    CHECK(waiting(read, "collector", "c1") == "tracker t2 data");
    read.presence.map_version = 2;  // trackers and collectors take the list over
    CHECK(waiting(read, "collector", "c1").empty());
    CHECK(waiting(read, "tracker", "t1").empty());
    CHECK(waiting(read, "tracker", "t2") == "tracker t2 data");  // it is where it was
    CHECK(waiting(read, "notifier", "n1") == "map_version, tracker t2 data");
}
