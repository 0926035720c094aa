#include "common/config/changes.hpp"

#include <catch2/catch.hpp>

using namespace presence;

TEST_CASE("what has changed in a configuration is named", "[config]") {
    const auto before = default_config();
    CHECK(changed_settings(before, before).empty());
    auto after = before;
    after.presence.timeout = 7s;
    after.sinks.at(0).mode = SinkMode::latest;
    auto tracker = before.trackers.at(0);
    tracker.id = "t2";
    after.trackers.push_back(tracker);
    CHECK(changed_settings(before, after) == "sink stdout mode, timeout, tracker t2");
    CHECK(changed_settings(after, before) == "sink stdout mode, timeout, tracker t2");
}

TEST_CASE("of a file that is read again, what a process does not take over waits", "[config]") {
    const auto running = default_config(2, 2);
    const auto waiting = [&](const Config& read, ProcessKind kind, const char* id) {
        return waiting_changes(running, read, kind, id);
    };
    auto read = running;
    read.presence.timeout = 7s;
    read.collectors.at(0).heartbeats_bind = "tcp://127.0.0.1:9000";
    read.trackers.at(0).data = "elsewhere";
    read.sinks.at(0).mode = SinkMode::latest;
    CHECK(waiting(read, ProcessKind::collector, "c1") ==
          "collector c1 heartbeats_bind, timeout, tracker t1 data");
    CHECK(waiting(read, ProcessKind::collector, "c2") == "timeout, tracker t1 data");
    CHECK(waiting(read, ProcessKind::tracker, "t1") == "timeout, tracker t1 data");
    read.presence.log_level = LogLevel::error;  // taken over at once, as sinks are
    CHECK(waiting(read, ProcessKind::notifier, "n1") == "timeout, tracker t1 data");

    read = running;
    read.trackers.at(1).data = "elsewhere";
    CHECK(waiting(read, ProcessKind::collector, "c1") == "tracker t2 data");
    read.presence.map_version = 2;  // trackers and collectors take the list over
    CHECK(waiting(read, ProcessKind::collector, "c1").empty());
    CHECK(waiting(read, ProcessKind::tracker, "t1").empty());
    CHECK(waiting(read, ProcessKind::tracker, "t2") == "tracker t2 data");  // it is where it was
    CHECK(waiting(read, ProcessKind::notifier, "n1") == "map_version, tracker t2 data");
}

TEST_CASE("a file that is read again may not drop the process or every tracker that runs",
          "[config]") {
    const auto running = default_config(2, 2);
    const auto refusal = [&](const Config& read, ProcessKind kind, const char* id) {
        return reload_refusal(running, read, kind, id);
    };
    auto read = running;
    read.presence.map_version = 2;
    CHECK(refusal(read, ProcessKind::collector, "c2").empty());
    CHECK(refusal(read, ProcessKind::tracker, "t2").empty());
    CHECK(refusal(read, ProcessKind::notifier, "n1").empty());

    read.trackers.pop_back();
    CHECK(refusal(read, ProcessKind::tracker, "t1").empty());
    CHECK(refusal(read, ProcessKind::tracker, "t2") ==
          "it has no [[tracker]] `t2`, which is this process: end it first, if it is to go");
    read.collectors.pop_back();
    CHECK(refusal(read, ProcessKind::collector, "c1").empty());
    CHECK_FALSE(refusal(read, ProcessKind::collector, "c2").empty());
    read.notifiers.at(0).id = "n2";
    CHECK_FALSE(refusal(read, ProcessKind::notifier, "n1").empty());

    // The same names at other places are another installation's, or what a cut file leaves.
    read = running;
    for (auto& tracker : read.trackers)
        tracker.ingest = "tcp://127.0.0.1:1" + tracker.id.substr(1);
    CHECK(refusal(read, ProcessKind::collector, "c1").empty());  // not newer: not taken
    read.presence.map_version = 2;
    CHECK(refusal(read, ProcessKind::collector, "c1") ==
          "its list of trackers, map_version 2, has none of those that run (t1 at "
          "tcp://127.0.0.1:7410, t2 at tcp://127.0.0.1:7420): was the file cut short, or is it "
          "another installation's?");
    read.trackers.at(1).ingest = running.trackers.at(1).ingest;
    CHECK(refusal(read, ProcessKind::collector, "c1").empty());
}
