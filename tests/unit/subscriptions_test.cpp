#include "tracker/stream/subscriptions.hpp"

#include <catch2/catch.hpp>

using namespace presence;
using presence::tracker::Subscriptions;

namespace {

constexpr PeerConnection kA{1, 10}, kB{2, 11}, kGone{};

std::string come(std::string_view topic) {
    return "\1" + std::string(topic);
}
std::string go(std::string_view topic) {
    return std::string(1, '\0') + std::string(topic);
}

// "fd why ..." of those who became unwelcome.
std::string unwelcome(Subscriptions& subscriptions) {
    std::string all;
    for (const auto& [connection, why] : subscriptions.take_unwelcome())
        all += (all.empty() ? "" : " ") + std::to_string(connection.fd) + " " + why;
    return all;
}

}  // namespace

TEST_CASE("a user's events are wanted while somebody subscribes to them or to many",
          "[tracker][subscriptions]") {
    Subscriptions s;
    const auto alice = topic_of_user("alice"), bob = topic_of_user("bob");
    s.on_message(kA, come("batch"));
    CHECK_FALSE(s.any());
    s.on_message(kA, come(alice));
    CHECK(s.any());
    CHECK(s.wants(alice));
    CHECK_FALSE(s.wants(bob));
    s.on_message(kB, come("user/"));
    CHECK(s.wants(bob));
    s.on_message(kGone, go("user/"));
    CHECK_FALSE(s.wants(bob));
    s.on_message(kA, go(alice));
    CHECK_FALSE(s.any());
    CHECK(s.topics() == 1);
}

TEST_CASE("what nobody had subscribed to cannot be left", "[tracker][subscriptions]") {
    Subscriptions s;
    s.on_message(kA, go("user/"));
    s.on_message(kA, come("user/"));
    s.on_message(kB, go("us"));
    CHECK(s.wants(topic_of_user("alice")));
    CHECK(s.topics() == 1);
}

TEST_CASE("who sends anything but subscriptions is unwelcome, once", "[tracker][subscriptions]") {
    Subscriptions s;
    s.on_message(kB, come("batch"));
    CHECK(unwelcome(s).empty());
    s.on_message(kA, "");
    s.on_message(kA, "x");
    CHECK(unwelcome(s) == "10 no_subscription");
    s.on_message(kB, "\2");
    CHECK(unwelcome(s) == "11 no_subscription");
    s.on_message(kA, "x");
    CHECK(unwelcome(s).empty());
    // By then the connections are gone.
    s.on_empty();
    s.on_message(kA, "x");
    CHECK(unwelcome(s) == "10 no_subscription");
}

TEST_CASE("with too many topics it is who brought most that is unwelcome",
          "[tracker][subscriptions]") {
    Subscriptions s({.topics_max = 5, .bytes_max = 1'000});
    s.on_message(kB, come("b1"));
    for (const auto* topic : {"a1", "a2", "a3", "a4"})
        s.on_message(kA, come(topic));
    s.on_empty();
    CHECK(unwelcome(s).empty());
    s.on_message(kB, come("b2"));
    CHECK(unwelcome(s) == "10 too_many_topics");
    // Its topics are there until it is gone, and take nobody's room.
    CHECK(s.topics() == 6);
    for (const auto* topic : {"b3", "b4", "b5"})
        s.on_message(kB, come(topic));
    CHECK(unwelcome(s).empty());
    for (const auto* topic : {"a1", "a2", "a3", "a4"})
        s.on_message(kGone, go(topic));
    CHECK(s.topics() == 5);
    s.on_message(kB, come("b6"));
    CHECK(unwelcome(s) == "11 too_many_topics");
}

TEST_CASE("the bytes of topics are bounded too", "[tracker][subscriptions]") {
    Subscriptions s({.topics_max = 100, .bytes_max = 100});
    s.on_message(kA, come(std::string(60, 'a')));
    s.on_message(kB, come(std::string(40, 'b')));
    CHECK(unwelcome(s).empty());
    s.on_message(kB, come("c"));
    CHECK(unwelcome(s) == "10 too_many_topics");
}

TEST_CASE("topics of nobody known are taken", "[tracker][subscriptions]") {
    Subscriptions s({.topics_max = 1, .bytes_max = 100});
    for (const auto* topic : {"a", "b", "c"})
        s.on_message(kGone, come(topic));
    CHECK(s.topics() == 3);
    CHECK(unwelcome(s).empty());
}
