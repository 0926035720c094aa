#include "common/wire/rows.hpp"

#include <catch2/catch.hpp>

using namespace presence;

// Under script/sanitize address it fails where no bytes are copied from a null pointer.
TEST_CASE("what is empty, and so has no address, is told all the same", "[codec][rows]") {
    const std::string_view nothing;
    RowGroups rows;
    rows.append({.hash = 1, .user = "alice", .edge = "e1", .status = nothing});
    rows.append({.hash = 1, .user = "alice", .edge = nothing, .status = {}});
    rows.close_group(PeerInstant{1us});
    const auto bytes = rows.take();
    RowReader reader(bytes);
    REQUIRE(reader.next());
    CHECK(reader.row().status == nothing);
    REQUIRE(reader.next());
    CHECK(reader.row().edge == nothing);
    CHECK_FALSE(reader.next());
    CHECK(reader.all_read());
}
