// How long a user who said bye may be back before anybody is told.
#include "tests/unit/tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

// alice is online since 1 s, and says bye at 2 s.
struct Leaving : TrackerWorld {
    explicit Leaving(std::optional<std::uint32_t> linger_ms) : TrackerWorld(lingering()) {
        frame(at(1s), {beat("alice")});
        CHECK(events(at(1s)).size() == 1);
        auto bye = beat("alice", ttl_of_bye(linger_ms));
        bye.bye = true;
        frame(at(2s), {bye});
        CHECK(events(at(2s)).empty());
    }
    static TrackerOptions lingering() {
        auto options = options_of();
        options.linger = 5s;
        return options;
    }
    // Steps of 100 ms, until somebody is told offline.
    Event offline() {
        for (auto t = 2'100ms; t < 30s; t += 100ms) {
            frame(at(t), {});
            if (auto told = events(at(t)); !told.empty()) return told[0];
        }
        FAIL("nobody is told offline");
        return {};
    }
    UserAnswer alice(Duration t) { return ask<GetAnswer>(GetQuery{{"alice"}}, at(t)).users.at(0); }
};

std::int64_t ms(Duration d) {
    return millis(kWall.at(at(d)));
}

}  // namespace

TEST_CASE("a bye lingers as configured, or as it says", "[tracker][linger]") {
    CHECK(Leaving({}).offline().at_ms == ms(7s));
    CHECK(Leaving(0).offline().at_ms == ms(2s));
    CHECK(Leaving(2'500).offline().at_ms == ms(4'500ms));
    const auto told = Leaving(kLingerMaxMs).offline();  // no longer than the ttl
    CHECK(told.at_ms == ms(11s));
    CHECK(told.reason == "bye");
}

TEST_CASE("a bye whose row says more than it may lingers for an hour", "[tracker][linger]") {
    CHECK(linger_of_bye(kTtlMaxMs, 0) == kLingerMaxMs);
    CHECK(linger_of_bye(ttl_of_bye(kLingerMaxMs), 0) == kLingerMaxMs);
    CHECK(linger_of_bye(ttl_of_bye(0), 7) == 0);
    CHECK(linger_of_bye(ttl_of_bye({}), 7) == 7);
}

TEST_CASE("who lingers is online, and said to be leaving", "[tracker][linger]") {
    Leaving world({});
    world.frame(at(3s), {});
    CHECK(world.events(at(3s)).empty());
    const auto leaving = world.alice(3s);
    CHECK(leaving.state == Known::online);
    CHECK(leaving.leaving_ms == 4'000);
    CHECK(world.alice(3'900ms).leaving_ms == 4'000);  // event time has not gone on
    auto back = beat("alice");
    back.session = "new page";
    world.frame(at(4s), {back});
    CHECK(world.events(at(4s)).empty());
    CHECK_FALSE(world.alice(4s).leaving_ms);
    CHECK(world.offline().at_ms == ms(14s));
}
