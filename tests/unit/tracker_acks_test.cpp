// What a tracker tells collectors: at once that they are heard, and as applied only what is
// written.
#include "tracker/evidence/acks.hpp"
#include "tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

Tracker::Writing written_up_to(std::uint64_t batch) {
    Tracker::Writing writing;
    writing.failing = true;
    writing.waiting_bytes = 1;
    writing.written = batch;
    return writing;
}

const Tracker::Writing kFull{.failing = true, .full = true, .waiting_bytes = 1};

// A tracker with a journal, of which the batch of its begin is written.
struct Journaled : TrackerWorld {
    Journaled() : TrackerWorld(journaled()) {
        turn(at(0s));
        tracker.on_writing(written_up_to(1));
    }
    static TrackerOptions journaled() {
        auto options = options_of();
        options.journal = true;
        return options;
    }
    std::vector<Ack> acks_of_turn(Instant now) {
        turn(now);
        std::vector<Ack> all;
        for (const auto& ack : out.acks)
            all.push_back(decode_ack(ack.bytes).value());
        return all;
    }
};

}  // namespace

TEST_CASE("a frame is acknowledged when what came of it is written, not before",
          "[tracker][acks]") {
    Journaled world;
    world.frame(at(10ms), {beat("alice")});
    CHECK(world.acks_of_turn(at(10ms)).at(0).applied == 0);  // heard for the first time
    world.tracker.on_writing(written_up_to(1));
    CHECK(world.acks_of_turn(at(20ms)).empty());
    world.tracker.on_writing(written_up_to(2));
    const auto acks = world.acks_of_turn(at(30ms));
    REQUIRE(acks.size() == 1);
    CHECK(acks[0].applied == 1);
    CHECK(acks[0].sent_us == micros(at(30ms)));
    CHECK(world.acks_of_turn(at(40ms)).empty());  // it is told once
}

TEST_CASE("of which nothing came, and nothing waits for the disk, is acknowledged at once",
          "[tracker][acks]") {
    Journaled world;
    world.frame(at(10ms), {beat("alice")});
    world.turn(at(10ms));
    world.tracker.on_writing(written_up_to(2));
    world.turn(at(20ms));
    world.frame(at(30ms), {beat("alice")});
    CHECK(world.acks_of_turn(at(30ms)).at(0).applied == 2);
}

TEST_CASE("a frame behind one that waits for the disk waits with it", "[tracker][acks]") {
    Journaled world;
    world.frame(at(10ms), {beat("alice")});
    world.turn(at(10ms));
    world.frame(at(20ms), {beat("alice")});
    CHECK(world.acks_of_turn(at(20ms)).empty());
    world.tracker.on_writing(written_up_to(2));
    CHECK(world.acks_of_turn(at(30ms)).at(0).applied == 2);
}

TEST_CASE("while the disk is behind a collector that is heard is told so each 500 ms",
          "[tracker][acks]") {
    Journaled world;
    std::vector<Duration> told;
    for (Duration t = 10ms; t <= 8s; t += 10ms) {
        if (t <= 1'100ms) world.frame(at(t), {beat("alice")});
        for (const auto& ack : world.acks_of_turn(at(t))) {
            told.push_back(t);
            CHECK(ack.applied == 0);
            CHECK(ack.heard_us == micros(at(std::min<Duration>(t, 1'100ms))));
            CHECK(ack.collector_boot == 50);
        }
    }
    CHECK(told == std::vector<Duration>{10ms, 510ms, 1'010ms, 1'510ms});
}

TEST_CASE("a full disk takes no frame, hears all, and has them sent again when it is over",
          "[tracker][acks]") {
    Journaled world;
    world.frame(at(10ms), {beat("alice")});
    world.turn(at(10ms));
    world.tracker.on_writing(kFull);
    for (Duration t = 20ms; t <= 30s; t += 10ms) {
        world.number = 1;
        world.frame(at(t), {beat("bob")});
        for (const auto& ack : world.acks_of_turn(at(t))) {
            CHECK(ack.heard_us == micros(at(t)));
            CHECK_FALSE(ack.gap);  // it is no time to send again
        }
    }
    CHECK(world.tracker.counters()["frames_deferred"] == 2'999);
    CHECK(world.tracker.counters()["online"] == 1);
    const auto status = world.ask<StatusAnswer>(StatusQuery{}, at(30s));
    CHECK(status.collectors.at(0).state == "live");  // though its grace is 10 s
    world.tracker.on_writing(written_up_to(2));
    const auto acks = world.acks_of_turn(at(30'010ms));
    REQUIRE(acks.size() == 1);
    CHECK(acks[0].applied == 1);
    CHECK(acks[0].gap);
    world.number = 1;
    world.frame(at(30'020ms), {beat("bob")});
    world.turn(at(30'020ms));
    CHECK(world.tracker.counters()["frames"] == 2);
}

TEST_CASE("what came before, or too early, is answered at once: the last word may be lost",
          "[tracker][acks]") {
    Journaled world;
    world.frame(at(10ms));
    world.turn(at(10ms));
    world.number = 0;
    world.frame(at(20ms));
    CHECK(world.acks_of_turn(at(20ms)).at(0).applied == 1);
    world.number = 5;
    world.frame(at(30ms));
    CHECK(world.acks_of_turn(at(30ms)).at(0).gap);
}

TEST_CASE("a tracker that starts anew has written what its journal has", "[tracker][acks]") {
    TrackerWorld world(Journaled::journaled());
    world.tracker.begin({.boot = 6, .batch = 40}, at(0s), kWall);
    world.turn(at(0s));
    world.frame(at(10ms), {beat("alice")});
    world.turn(at(10ms));
    CHECK(world.last_ack().applied == 0);
    world.tracker.on_writing(written_up_to(42));
    world.turn(at(20ms));
    CHECK(world.last_ack().applied == 1);
}
