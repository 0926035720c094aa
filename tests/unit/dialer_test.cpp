#include <catch2/catch.hpp>

#include "common/dialer.hpp"

using namespace presence;

namespace {

using Step = Dialer::Step;

// A link that turns each 100 ms, and a name server that answers when the test says so.
struct Peer {
    Dialer dialer{Dialer::Speaks::always};
    Instant now{1'000s};

    Step turn() {
        now += 100ms;
        return dialer.turn(now);
    }
    // What happens next, and how long that takes; within a minute.
    std::pair<Step, Duration> next() {
        const Instant from = now;
        while (now - from < 60s)
            if (const auto step = turn(); step != Step::none) return {step, now - from};
        return {Step::none, now - from};
    }
    void connected(std::vector<std::string> addresses) {
        REQUIRE(next().first == Step::look_up);
        dialer.on_addresses(std::move(addresses));
        REQUIRE(turn() == Step::connect);
    }
    void hears_for(Duration time) {
        for (const Instant end = now + time; now < end; dialer.heard())
            REQUIRE(turn() == Step::none);
    }
};

}  // namespace

TEST_CASE("a peer is looked up and connected to at once, and never again while it speaks",
          "[dialer]") {
    Peer peer;
    CHECK(peer.turn() == Step::look_up);
    CHECK(peer.turn() == Step::none);
    peer.dialer.on_addresses({"10.0.0.1"});
    CHECK(peer.turn() == Step::connect);
    CHECK(peer.dialer.address() == "10.0.0.1");
    peer.hears_for(1h);
}

TEST_CASE("a silent peer is connected to anew, where its name leads then", "[dialer]") {
    Peer peer;
    peer.connected({"10.0.0.1"});
    peer.hears_for(1min);
    CHECK(peer.next() == std::pair{Step::look_up, Duration{5s}});
    peer.dialer.on_addresses({"10.0.0.2"});
    CHECK(peer.turn() == Step::connect);
    CHECK(peer.dialer.address() == "10.0.0.2");

    SECTION("again and again, each 10 s in the end") {
        for (const Duration pause : {Duration{5s}, Duration{10s}, Duration{10s}, Duration{10s}}) {
            CHECK(peer.next() == std::pair{Step::look_up, pause});
            peer.dialer.on_addresses({"10.0.0.2"});
            CHECK(peer.turn() == Step::connect);
        }
        peer.hears_for(1s);
        CHECK(peer.next() == std::pair{Step::look_up, Duration{5s}});
    }
    SECTION("where it was, if the name server is away") {
        CHECK(peer.next().first == Step::look_up);
        peer.dialer.on_addresses({});
        CHECK(peer.turn() == Step::connect);
        CHECK(peer.dialer.address() == "10.0.0.2");
    }
}

TEST_CASE("a look-up that takes long leaves the connection, and is not repeated", "[dialer]") {
    Peer peer;
    peer.connected({"10.0.0.1"});
    CHECK(peer.next().first == Step::look_up);
    CHECK(peer.next().first == Step::none);
    SECTION("the peer spoke meanwhile: it stays connected") {
        peer.dialer.heard();
        peer.dialer.on_addresses({"10.0.0.2"});
        peer.hears_for(1min);
        CHECK(peer.dialer.address() == "10.0.0.1");
        CHECK(peer.next() == std::pair{Step::look_up, Duration{5s}});
    }
    SECTION("it did not") {
        peer.dialer.on_addresses({"10.0.0.2"});
        CHECK(peer.turn() == Step::connect);
    }
}

TEST_CASE("a name that is not known yet is asked for often at first", "[dialer]") {
    Peer peer;
    CHECK(peer.next().first == Step::look_up);
    for (const Duration pause : {1s, 2s, 4s, 8s, 10s, 10s}) {
        peer.dialer.on_addresses({});
        CHECK(peer.next() == std::pair{Step::look_up, pause});
    }
    peer.dialer.on_addresses({"10.0.0.1"});
    CHECK(peer.turn() == Step::connect);
}

TEST_CASE("the addresses of a name are tried in turn", "[dialer]") {
    Peer peer;
    peer.connected({"10.0.0.1", "[2001:db8::1]"});
    CHECK(peer.next() == std::pair{Step::connect, Duration{2500ms}});
    CHECK(peer.dialer.address() == "[2001:db8::1]");
    SECTION("one of them is right: it stays there for as long as it would elsewhere") {
        peer.hears_for(1min);
        CHECK(peer.next() == std::pair{Step::look_up, Duration{5s}});
    }
    SECTION("none is: the next round takes longer") {
        CHECK(peer.next() == std::pair{Step::look_up, Duration{2500ms}});
        peer.dialer.on_addresses({"10.0.0.1", "[2001:db8::1]"});
        CHECK(peer.turn() == Step::connect);
        CHECK(peer.dialer.address() == "10.0.0.1");
        CHECK(peer.next() == std::pair{Step::connect, Duration{5s}});
    }
}

TEST_CASE("a peer that only answers is silent only if it was asked", "[dialer]") {
    Peer peer{Dialer{Dialer::Speaks::when_asked}};
    peer.connected({"10.0.0.1"});
    CHECK(peer.next().first == Step::none);
    peer.dialer.asked();
    CHECK(peer.next() == std::pair{Step::look_up, Duration{5s}});
    peer.dialer.on_addresses({"10.0.0.1"});
    CHECK(peer.turn() == Step::connect);
    // The question went with the connection.
    CHECK(peer.next().first == Step::none);
    peer.dialer.asked();
    peer.turn();
    peer.dialer.heard();
    CHECK(peer.next().first == Step::none);
}

TEST_CASE("time in which we did not run is no silence of the peer", "[dialer]") {
    Peer peer;
    peer.connected({"10.0.0.1"});
    peer.hears_for(1s);
    peer.now += 1h;
    CHECK(peer.turn() == Step::none);
    CHECK(peer.next().second > 3s);
}
