#include "common/io/connection.hpp"

#include <catch2/catch.hpp>

#include "no_files.hpp"

using namespace presence;
using namespace presence::io;

TEST_CASE("a link for which no socket can be made keeps its own, and tries again later",
          "[io][connection]") {
    auto context = make_context();
    zmq::socket_t silent(context, zmq::socket_type::xpub);
    silent.set(zmq::sockopt::rcvtimeo, 30'000);
    silent.bind("tcp://127.0.0.1:*");
    const auto endpoint = silent.get(zmq::sockopt::last_endpoint);
    Connection connection(context, Role::events_in, endpoint, {"tick"});
    Instant now{1'000s};
    REQUIRE(connection.turn(now));
    zmq::message_t subscription;
    REQUIRE(silent.recv(subscription));
    void* const first = connection.socket().handle();
    const auto connects_within = [&](Duration time) {
        for (const Instant end = now + time; now < end;)
            if (connection.turn(now += 500ms)) return true;
        return false;
    };
    {
        const NoFiles none;
        CHECK_FALSE(connects_within(30s));
    }
    CHECK(connection.socket().handle() == first);
    CHECK(connects_within(11s));
    CHECK(connection.socket().handle() != first);
}
