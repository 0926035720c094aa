#include <catch2/catch.hpp>

#include "common/config/endpoint.hpp"

using namespace presence;

TEST_CASE("an endpoint is tcp, a host and a port", "[config][endpoint]") {
    Endpoint e;
    CHECK(parse_endpoint("tcp://127.0.0.1:7400", e).empty());
    CHECK(e.host == "127.0.0.1");
    CHECK(e.port == 7400);
    CHECK(parse_endpoint("tcp://tracker-1.example_net:65535", e).empty());
    CHECK(e.host == "tracker-1.example_net");
    CHECK(parse_endpoint("tcp://[2001:db8::1]:1", e).empty());
    CHECK(e.host == "[2001:db8::1]");
    CHECK(parse_endpoint("tcp://*:7400", e).empty());
    CHECK(e.any_address());
}

TEST_CASE("what is no endpoint is refused with the reason", "[config][endpoint]") {
    Endpoint e;
    CHECK_THAT(parse_endpoint("ipc:///tmp/x", e), Catch::Contains("lose the last messages"));
    CHECK_THAT(parse_endpoint("inproc://x", e), Catch::Contains("does not leave a process"));
    for (const char* text : {"", "127.0.0.1:7400", "udp://127.0.0.1:7400", "TCP://127.0.0.1:7400"})
        CHECK_THAT(parse_endpoint(text, e), Catch::Contains("tcp://HOST:PORT"));
    CHECK_THAT(parse_endpoint("tcp://localhost", e), Catch::Contains("port is missing"));
    for (const char* port : {"", "0", "65536", "-1", "7400x", " 7400", "*", "99999999999"})
        CHECK_THAT(parse_endpoint("tcp://localhost:" + std::string(port), e),
                   Catch::Contains("1 to 65535"));
    for (const char* host : {"", "a b", "::1", "[::1", "a/b", "**", "[]", "user@host"})
        CHECK_THAT(parse_endpoint("tcp://" + std::string(host) + ":7400", e),
                   Catch::Contains("the host is"));
    for (const char* host : {"127.1", "127.0.0.256", "010.0.0.1", "10", "."})
        CHECK_THAT(parse_endpoint("tcp://" + std::string(host) + ":7400", e),
                   Catch::Contains("four numbers"));
    CHECK_THAT(parse_endpoint("tcp://[::1::]:7400", e), Catch::Contains("the host is"));
}

TEST_CASE("loopback is told from names that merely look like it", "[config][endpoint]") {
    const auto loopback = [](const char* host) { return Endpoint{host, 1}.loopback(); };
    CHECK(loopback("127.0.0.1"));
    CHECK(loopback("127.8.9.10"));
    CHECK(loopback("localhost"));
    CHECK(loopback("LocalHost"));
    CHECK(loopback("[::1]"));
    CHECK_FALSE(loopback("127.evil.example"));
    CHECK_FALSE(loopback("10.0.0.1"));
    CHECK_FALSE(loopback("0.0.0.0"));
    CHECK_FALSE(loopback("*"));
    CHECK_FALSE(loopback("localhost.evil.example"));
}

TEST_CASE("names are told from addresses", "[config][endpoint]") {
    const auto named = [](const char* host) { return Endpoint{host, 1}.named(); };
    CHECK(named("t1.example"));
    CHECK(named("localhost"));
    CHECK(named("dead.beef"));
    CHECK_FALSE(named("127.0.0.1"));
    CHECK_FALSE(named("[2001:db8::1]"));
    CHECK_FALSE(named("*"));
    CHECK((Endpoint{"[::1]", 7400}.text()) == "tcp://[::1]:7400");
}
