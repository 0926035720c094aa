// What a tracker tells collectors while its disk is behind: that they are heard, so that they go on
// reading.
#include "tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

const Tracker::Writing kBehind{.failing = true, .full = false, .waiting_bytes = 1};
const Tracker::Writing kFull{.failing = true, .full = true, .waiting_bytes = 1};

std::vector<Ack> signs_of(const Output& out) {
    std::vector<Ack> all;
    for (const auto& sign : out.signs) {
        CHECK(sign.peer == "peer");
        all.push_back(decode_ack(sign.bytes).value());
    }
    return all;
}

// Turns each 10 ms up to then; the times of the signs.
std::vector<Duration> signs_until(TrackerWorld& world, Duration from, Duration until, bool frames) {
    std::vector<Duration> times;
    for (Duration t = from; t <= until; t += 10ms) {
        if (frames) world.frame(at(t));
        world.turn(at(t));
        for (std::size_t n = 0; n < world.out.signs.size(); ++n)
            times.push_back(t);
    }
    return times;
}

}  // namespace

TEST_CASE("while nothing waits for the disk there are no signs", "[tracker][signs]") {
    TrackerWorld world;
    CHECK(signs_until(world, 0s, 3s, true).empty());
}

TEST_CASE("while the disk is behind, whoever was heard is told so, and nothing is acknowledged",
          "[tracker][signs]") {
    TrackerWorld world;
    world.frame(at(0s), {beat("alice")});
    world.turn(at(0s));
    world.tracker.on_writing(kBehind);
    world.frame(at(10ms));
    world.turn(at(10ms));
    const auto signs = signs_of(world.out);
    REQUIRE(signs.size() == 1);
    CHECK(signs[0].applied == 0);  // not yet written
    CHECK_FALSE(signs[0].gap);
    CHECK(signs[0].collector_boot == 50);
    CHECK(signs[0].sent_us == micros(at(10ms)));
    CHECK(signs_until(world, 20ms, 1'100ms, true) == std::vector<Duration>{510ms, 1'010ms});
    // Nobody is told to be heard who is not.
    CHECK(signs_until(world, 1'110ms, 8s, false) == std::vector<Duration>{1'510ms});
}

TEST_CASE("who is told to be heard is not given up before a grace has passed since",
          "[tracker][signs]") {
    TrackerWorld world;  // of a grace of 10 s
    world.frame(at(0s));
    world.turn(at(0s));
    const auto state = [&](Duration t) {
        world.tracker.on_writing({});
        const auto status = world.ask<StatusAnswer>(StatusQuery{}, at(t));
        REQUIRE(status.collectors.size() == 1);
        return status.collectors[0].state;
    };
    world.tracker.on_writing(kFull);  // no frames are taken
    const auto signs = signs_until(world, 10ms, 15s, false);
    REQUIRE(signs.size() >= 29);
    CHECK(signs.back() >= 14'500ms);
    CHECK(state(signs.back() + 10s) == "live");
    CHECK(state(signs.back() + 10s + 1ms) == "silent");
}

TEST_CASE("who was given up gets no sign", "[tracker][signs]") {
    TrackerWorld world;
    world.frame(at(0s));
    world.turn(at(0s));
    world.turn(at(10'001ms));
    world.tracker.on_writing(kFull);
    CHECK(signs_until(world, 10'010ms, 12s, false).empty());
}
