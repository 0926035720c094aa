// Names of edges as small numbers.
#include <catch2/catch.hpp>
#include <string>

#include "tracker/evidence/edges.hpp"

using namespace presence::tracker;

TEST_CASE("an edge is found by its name, and by the very bytes of it", "[roster][edges]") {
    Edges edges;
    const std::string name = "gw-1";
    CHECK_FALSE(edges.find_bytes(name));
    const auto edge = edges.acquire(name);
    CHECK(edges.find(name) == edge);
    CHECK(edges.find_bytes(name) == edge);
    CHECK(edges.find_bytes(name) == edge);
    CHECK(edges.find_bytes(std::string_view(name).substr(0, 2)) == std::nullopt);
    CHECK(edges.find_bytes("") == kUnnamedEdge);
    CHECK(edges.find_bytes(name) == edge);
}

TEST_CASE("bytes do not name an edge that is gone, nor what they were before", "[roster][edges]") {
    Edges edges;
    std::string name = "gw-1";
    const auto first = edges.acquire(name);
    const auto other = edges.acquire("gw-2");
    REQUIRE(edges.find_bytes(name) == first);

    SECTION("released: its number may be another's") {
        edges.release(first);
        CHECK_FALSE(edges.find_bytes(name));
        REQUIRE(edges.acquire("gw-3") == first);
        CHECK_FALSE(edges.find_bytes(name));
    }
    SECTION("another was released") {
        edges.release(other);
        CHECK(edges.find_bytes(name) == first);
    }
    SECTION("forgotten, and written over") {
        edges.forget_bytes();
        name.back() = '2';
        CHECK(edges.find_bytes(name) == other);
    }
    SECTION("forgotten, and then no name at all") {
        edges.forget_bytes();
        CHECK(edges.find_bytes({}) == kUnnamedEdge);
    }
}
