// Each rule of tracker/roster/roster.hpp by one example; roster_trace_test.cpp has the rest.
#include "tests/unit/roster_world.hpp"

using namespace presence;
using namespace presence::tracker;
using namespace presence::tracker::roster_world;

TEST_CASE("a timeout is told with the deadline, not with the time of its discovery", "[roster]") {
    RosterWorld w;
    const auto online = w.apply(w.beat("alice", at(1s)));
    REQUIRE(online.size() == 1);
    CHECK(online[0].state == State::online);
    CHECK(online[0].reason == "heartbeat");
    CHECK(online[0].at_ms == kWallMs + 1'000);
    CHECK(online[0].since_ms == kWallMs + 1'000);
    CHECK(online[0].slot == slot_of(hash_of("alice")));
    CHECK(w.apply(w.beat("alice", at(5s))).empty());

    CHECK(w.expire(at(35s)).empty());
    const auto offline = w.expire(at(47s));
    REQUIRE(offline.size() == 1);
    CHECK(offline[0].state == State::offline);
    CHECK(offline[0].reason == "timeout");
    CHECK(offline[0].at_ms == kWallMs + 35'000);
    CHECK(offline[0].since_ms == kWallMs + 1'000);
    CHECK(offline[0].last_seen_ms == kWallMs + 5'000);
    CHECK(offline[0].ttl_ms == 30'000);
    CHECK_FALSE(w.online("alice"));
}

TEST_CASE("a heartbeat that comes between deadline and expiry leaves no trace", "[roster]") {
    RosterWorld w;
    w.apply(w.beat("alice", at(1s)));
    w.expire(at(10s));
    CHECK(w.apply(w.beat("alice", at(40s))).empty());
    CHECK(w.expire(at(60s)).empty());
}

TEST_CASE("a deadline is due only when event time has passed it", "[roster]") {
    RosterWorld w;
    w.apply(w.beat("alice", at(1s)));
    CHECK(w.expire(at(31s)).empty());
    CHECK(w.expire(at(31s + 999us)).empty());
    CHECK(w.expire(at(31s + 1ms)).size() == 1);
}

TEST_CASE("parts of a millisecond never shorten a user's time", "[roster]") {
    RosterWorld w;
    w.apply(w.beat("alice", at(1s + 1us)));
    CHECK(w.expire(at(31s + 1ms + 999us)).empty());
    CHECK(w.expire(at(31s + 2ms)).size() == 1);
}

TEST_CASE("a lift moves every deadline, also of those who come later", "[roster]") {
    RosterWorld w;
    w.apply(w.beat("alice", at(1s)));
    w.roster.lift(at(20s));
    w.apply(w.beat("bob", at(5s)));
    CHECK(w.expire(at(50s)).empty());
    const auto offline = w.expire(at(51s));
    REQUIRE(offline.size() == 2);
    CHECK(offline[0].at_ms == kWallMs + 50'000);
    CHECK(offline[0].last_seen_ms < kWallMs + 6'000);
}

TEST_CASE("a stale heartbeat brings nobody back", "[roster]") {
    RosterWorld w;
    w.expire(at(100s));
    CHECK(w.apply(w.beat("alice", at(69s))).empty());
    CHECK(w.roster.counters()["stale"] == 1);
    CHECK(w.apply(w.beat("alice", at(71s))).size() == 1);
}

TEST_CASE("the status told last is shown, and falls back when its session ends", "[roster]") {
    RosterWorld w;
    auto phone = w.session("alice", "phone", at(1s)), desk = w.session("alice", "desk", at(2s));
    phone.status = "away";
    desk.status = "busy";
    CHECK(w.apply(phone)[0].status == "away");
    const auto busy = w.apply(desk);
    REQUIRE(busy.size() == 1);
    CHECK(busy[0].reason == "status");
    CHECK(busy[0].state == State::online);
    CHECK(busy[0].status == "busy");
    w.apply(w.bye(desk));
    const auto back = w.expire(at(2s) + 1ms);
    REQUIRE(back.size() == 1);
    CHECK(back[0].reason == "status");
    CHECK(back[0].status == "away");
    phone.at = at(3s);
    phone.status = "";
    const auto cleared = w.apply(phone);
    REQUIRE(cleared.size() == 1);
    CHECK_FALSE(cleared[0].status.has_value());
}

TEST_CASE("a status told a month ago is still older than one told today", "[roster]") {
    RosterWorld w;
    auto old = w.session("alice", "desk", at(1s)), fresh = w.session("alice", "phone", at(1s));
    old.status = "away";
    w.apply(old);
    old.status.reset();
    old.ttl_ms = kTtlMaxMs;
    for (int day = 1; day <= 30; ++day) {
        old.at = at(24h * day);
        w.apply(old);
        CHECK(w.expire(old.at).empty());
    }
    fresh.at = old.at;
    fresh.status = "busy";
    w.apply(fresh);
    CHECK(w.roster.find(old.hash, "alice", kWall)->status == "busy");
}

TEST_CASE("what breaks a limit is left out and counted", "[roster]") {
    RosterWorld w(2);
    w.apply(w.beat("alice", at(1s)));
    CHECK(w.apply(w.beat("bob", at(1s))).size() == 1);
    CHECK(w.roster.knows_all());
    CHECK(w.apply(w.beat("carol", at(1s))).empty());
    CHECK(w.roster.counters()["users_limit"] == 1);
    CHECK_FALSE(w.roster.knows_all());  // carol is online, and not here

    auto wrong = w.beat("dave", at(1s));
    wrong.hash ^= 1;
    w.apply(wrong);
    w.apply(w.beat("", at(1s)));
    w.apply(w.beat(std::string(kUserBytesMax + 1, 'x'), at(1s)));
    w.apply(w.session("alice", std::string(kNameBytesMax + 1, 'x'), at(1s)));
    auto endless = w.beat("alice", at(1s));
    endless.ttl_ms = kTtlMaxMs + 1;
    w.apply(endless);
    CHECK(w.roster.counters()["malformed"] == 5);
}

TEST_CASE("at most ten thousand edges live, and the sessions of others share one", "[roster]") {
    RosterWorld w;
    std::deque<std::string> names;
    std::vector<Beat> beats;
    std::vector<Event> out;
    for (std::size_t i = 0; i < kEdgesMax; ++i) {
        names.push_back("edge-" + std::to_string(i));
        names.push_back("user-" + std::to_string(i));
        beats.push_back(w.beat(names.back(), at(1s)));
        beats.back().edge = names[names.size() - 2];
    }
    w.roster.apply(beats, kWall, out);
    CHECK(w.roster.users() == kEdgesMax);
    auto more = w.beat("alice", at(1s));
    more.edge = "one more";
    CHECK(w.apply(more).size() == 1);
    CHECK(w.roster.counters()["edges_limit"] == 1);
    auto second = beats[17];
    second.edge = "another";
    CHECK(w.apply(second).empty());
    CHECK(w.roster.sessions() == kEdgesMax + 2);
    CHECK(w.roster.counters()["edges_limit"] == 2);
    CHECK(w.apply(w.bye(more)).empty());                // of which edge it is nobody knows
    CHECK(w.apply(w.beat("bob", at(1s))).size() == 1);  // the edge without a name is not counted

    more.at = second.at = at(2s);
    w.apply(w.bye(beats[4]));  // the last session of its edge
    CHECK(w.expire(at(1s) + 1ms).size() == 1);
    CHECK(w.apply(more).empty());
    CHECK(w.roster.sessions() == kEdgesMax + 3);  // it has its own now
    CHECK(w.roster.counters()["edges_limit"] == 2);
    const auto told = w.expire(at(31s) + 1ms);
    CHECK(std::none_of(told.begin(), told.end(), [](const Event& e) { return e.user == "alice"; }));
}

TEST_CASE("after a month without event time nobody is lost early, and none lives for ever",
          "[roster]") {
    RosterWorld w;
    w.apply(w.beat("alice", at(1s)));
    w.apply(w.session("bob", "c1", at(1s)));
    const auto later = at(24h * 30);
    w.roster.on_stop(at(2s), later);
    w.roster.lift(later);
    w.roster.check();
    CHECK(w.expire(later + 30s).empty());
    w.apply(w.beat("carol", later + 20s));
    CHECK(w.expire(later + 31s).size() == 2);
    CHECK(w.expire(later + 24h * 30).size() == 1);
    CHECK(w.roster.users() == 0);
    CHECK_FALSE(w.roster.next_deadline().has_value());
}

TEST_CASE("a dropped slot is forgotten without a word", "[roster]") {
    RosterWorld w;
    auto b = w.session("alice", "c1", at(1s));
    b.edge = "edge-1";
    w.apply(b);
    w.apply(w.beat("bob", at(1s)));
    w.roster.drop(slot_of(b.hash));
    w.roster.check();
    CHECK(w.roster.users() == 1);
    CHECK(w.roster.sessions() == 1);
    CHECK(w.expire(at(60s)).size() == 1);
}

TEST_CASE("each_in shows a slot's users and nobody else", "[roster]") {
    RosterWorld w;
    std::vector<std::string> users;
    for (int i = 0; i < 3'000; ++i)
        users.push_back("user-" + std::to_string(i));
    for (const auto& user : users) {
        const auto b = w.beat(user, at(1s));
        std::vector<Event> out;
        w.roster.apply(std::span(&b, 1), kWall, out);
    }
    std::size_t shown = 0;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        w.roster.each_in(static_cast<Slot>(slot), kWall, [&](const Roster::View& v) {
            ++shown;
            CHECK(slot_of(hash_of(v.user)) == slot);
            CHECK(v.hash == hash_of(v.user));
            CHECK(v.sessions == 1);
        });
    CHECK(shown == users.size());
}

TEST_CASE("a user of an earlier run is held for their ttl, whatever byes come",
          "[tracker][roster][restore]") {
    RosterWorld w;
    CHECK(w.roster.restore({"alice", kWallMs - 5'000, at(9s), 30'000, "away"}));
    w.roster.lift(at(10s));
    CHECK(w.roster.find(hash_of("alice"), "alice", kWall)->since_ms == kWallMs - 5'000);
    // One of her sessions beats and says bye; that there was another is not known.
    CHECK(w.apply(w.session("alice", "a", at(11s))).empty());
    CHECK(w.apply(RosterWorld::bye(w.session("alice", "a", at(12s)))).empty());
    CHECK(w.apply(RosterWorld::bye(w.beat("alice", at(12s)))).empty());
    CHECK(w.expire(at(40s)).empty());
    const auto events = w.expire(at(40'001ms));
    REQUIRE(events.size() == 1);
    CHECK(events[0].state == State::offline);
    CHECK(events[0].since_ms == kWallMs - 5'000);
}

TEST_CASE("who beats on after a restart goes on without a word, with the status they had",
          "[tracker][roster][restore]") {
    RosterWorld w;
    CHECK(w.roster.restore({"alice", kWallMs, at(0s), 30'000, "away"}));
    for (int s = 0; s < 90; s += 10) {
        CHECK(w.apply(w.beat("alice", at(std::chrono::seconds(s)))).empty());
        CHECK(w.expire(at(std::chrono::seconds(s))).empty());
    }
    CHECK(w.roster.find(hash_of("alice"), "alice", kWall)->status == "away");
    CHECK(w.roster.sessions() == 1);
}

TEST_CASE("a status told after a restart counts, wherever the wall clock dates the one before",
          "[tracker][roster][restore]") {
    RosterWorld w;
    CHECK(w.roster.restore({"alice", kWallMs, at(9s), 30'000, "away"}));
    auto beat = w.beat("alice", at(8s));
    beat.status = "busy";
    const auto events = w.apply(beat);
    REQUIRE(events.size() == 1);
    CHECK(events[0].reason == "status");
    CHECK(events[0].status == "busy");
}

TEST_CASE("a longer ttl is told, once, for whoever remembers users", "[tracker][roster][restore]") {
    RosterWorld w;
    auto beat = w.beat("alice", at(0s));
    CHECK(w.apply(beat).size() == 1);
    beat.ttl_ms = 60'000;
    beat.at = at(1s);
    const auto events = w.apply(beat);
    REQUIRE(events.size() == 1);
    CHECK(events[0].reason == "ttl");
    CHECK(events[0].state == State::online);
    CHECK(events[0].ttl_ms == 60'000);
    CHECK(w.apply(beat).empty());
    auto second = w.session("alice", "phone", at(2s));
    second.ttl_ms = 60'000;
    CHECK(w.apply(second).empty());
    second.ttl_ms = 90'000;
    second.status = "busy";
    second.at = at(3s);
    const auto one = w.apply(second);
    REQUIRE(one.size() == 1);
    CHECK(one[0].reason == "status");
    CHECK(one[0].ttl_ms == 90'000);
}

TEST_CASE("what cannot be a user is not restored", "[tracker][roster][restore]") {
    RosterWorld w(1);
    CHECK_FALSE(w.roster.restore({"", 0, at(0s), 30'000, {}}));
    CHECK_FALSE(w.roster.restore({"alice", 0, at(0s), 1, {}}));
    CHECK(w.roster.restore({"alice", 0, at(0s), 30'000, {}}));
    CHECK_FALSE(w.roster.restore({"bob", 0, at(0s), 30'000, {}}));
    CHECK(w.roster.restore({"alice", 0, at(1s), 30'000, {}}));
    CHECK(w.roster.counters()["users_limit"] == 1);
    CHECK(w.roster.users() == 1);
}
