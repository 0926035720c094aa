#include "common/wire/msgpack_tokens.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "common/wire/msgpack_writer.hpp"

using namespace presence;
using namespace std::string_literals;
using Fault = MsgpackTokens::Fault;
using Kind = MsgpackTokens::Kind;

namespace {

bool parses(const std::string& bytes, std::size_t tokens_max = 100) {
    MsgpackTokens tokens;
    return tokens.parse(bytes, tokens_max);
}

Fault fault_of(const std::string& bytes, std::size_t tokens_max = 100) {
    MsgpackTokens tokens;
    CHECK_FALSE(tokens.parse(bytes, tokens_max));
    CHECK(tokens.cursor().at_end());
    return tokens.fault();
}

// As many arrays, each in the one before.
std::string nested(std::size_t depth) {
    std::string bytes(depth, '\x91');
    bytes.back() = '\x90';
    return bytes;
}

}  // namespace

TEST_CASE("tokens are read in the order they stand in", "[codec][tokens]") {
    MsgpackWriter writer;
    writer.array(7).number(7u).number(-5).boolean(true).nil().text("hi").bin("\x01\x02");
    writer.map(1).text("k").number(UINT64_MAX);
    const auto bytes = writer.take();
    MsgpackTokens tokens;
    REQUIRE(tokens.parse(bytes, 100));
    auto cursor = tokens.cursor();
    CHECK(cursor.array() == 7u);
    CHECK(cursor.unsigned_number() == 7u);
    CHECK(cursor.number() == -5);
    CHECK(cursor.boolean() == true);
    CHECK(cursor.nil());
    CHECK(cursor.text() == "hi");
    CHECK(cursor.text() == "\x01\x02");
    CHECK(cursor.map() == 1u);
    CHECK(cursor.text() == "k");
    CHECK_FALSE(cursor.number());
    CHECK(cursor.unsigned_number() == UINT64_MAX);
    CHECK(cursor.at_end());
    CHECK_FALSE(cursor.peek());
    CHECK_FALSE(cursor.text());
}

TEST_CASE("a read of another kind fails and does not move", "[codec][tokens]") {
    MsgpackTokens tokens;
    REQUIRE(tokens.parse("\xa1x", 1));
    auto cursor = tokens.cursor();
    CHECK_FALSE(cursor.array());
    CHECK_FALSE(cursor.map());
    CHECK_FALSE(cursor.unsigned_number());
    CHECK_FALSE(cursor.number());
    CHECK_FALSE(cursor.boolean());
    CHECK_FALSE(cursor.nil());
    CHECK(cursor.peek() == Kind::str);
    CHECK(cursor.text() == "x");
}

TEST_CASE("a positive number in a signed form is a positive number", "[codec][tokens]") {
    MsgpackTokens tokens;
    REQUIRE(tokens.parse("\xd0\x05", 1));
    CHECK(tokens.cursor().unsigned_number() == 5u);
    CHECK(tokens.cursor().number() == 5);
}

TEST_CASE("skip passes one whole value, however nested", "[codec][tokens]") {
    MsgpackWriter writer;
    writer.array(2).map(2).text("a").array(2).nil().nil().text("b").map(0).text("after");
    const auto bytes = writer.take();
    MsgpackTokens tokens;
    REQUIRE(tokens.parse(bytes, 100));
    auto cursor = tokens.cursor();
    CHECK(cursor.array() == 2u);
    cursor.skip();
    CHECK(cursor.text() == "after");
    cursor.skip();
    CHECK(cursor.at_end());
}

TEST_CASE("what is not exactly one value is malformed", "[codec][tokens]") {
    CHECK(fault_of("") == Fault::malformed);
    CHECK(fault_of("\xc1") == Fault::malformed);
    CHECK(fault_of("\xa2x") == Fault::malformed);
    CHECK(fault_of("\x01\x02") == Fault::malformed);
    CHECK(fault_of("\x92\x01") == Fault::malformed);
    CHECK(fault_of("\xc6\xff\xff\xff\xff") == Fault::malformed);
    CHECK(fault_of("\xc9\xff\xff\xff\xff\x01") == Fault::malformed);
}

TEST_CASE("a length that is only claimed allocates nothing", "[codec][tokens]") {
    CHECK(fault_of("\xdd\x0f\xff\xff\xff") == Fault::malformed);
    CHECK(fault_of("\xdf\xff\xff\xff\xff") == Fault::malformed);
}

TEST_CASE("depth and number of tokens are bounded", "[codec][tokens]") {
    CHECK(parses(nested(MsgpackTokens::kDepthMax)));
    CHECK(fault_of(nested(MsgpackTokens::kDepthMax + 1)) == Fault::too_deep);
    CHECK(fault_of(std::string(10'000, '\x91')) == Fault::too_deep);
    CHECK(fault_of(std::string(10'000, '\x81')) == Fault::too_deep);
    CHECK(parses("\x93\x01\x02\x03", 4));
    CHECK(fault_of("\x93\x01\x02\x03", 3) == Fault::too_many);
}

TEST_CASE("random bytes parse or fail, and skip ends where they end", "[codec][tokens]") {
    rc::prop("random bytes", [](const std::string& bytes) {
        MsgpackTokens tokens;
        if (!tokens.parse(bytes, 1000)) return;
        auto cursor = tokens.cursor();
        cursor.skip();
        RC_ASSERT(cursor.at_end());
    });
}
