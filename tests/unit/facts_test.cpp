#include "tracker/facts.hpp"

#include <catch2/catch.hpp>

using namespace presence;
using namespace presence::tracker;

namespace {

// As the first release with all of them wrote them.
constexpr std::string_view kWritten =
    "\x85\xa5"
    "epoch\xcd\x10\x01"
    "\xaa"
    "collectors\x92\xa2"
    "c1\xa2"
    "c2\xa5"
    "links\x91\x93\xa2"
    "c1\x32\x07\xa6"
    "starts\x92\x09\x91\x92\x05\x02\xaa"
    "event_time\x92\x09\x08";

}  // namespace

TEST_CASE("facts are read as they were written, of earlier releases too", "[tracker][facts]") {
    const auto facts = decode_facts(kWritten);
    CHECK(facts.epoch == 4'097);
    CHECK(facts.collectors == std::vector<std::string>{"c1", "c2"});
    REQUIRE(facts.links.size() == 1);
    CHECK(facts.links[0].collector == "c1");
    CHECK(facts.links[0].boot == 50);
    CHECK(facts.links[0].applied == 7);
    CHECK(facts.starts.clock == 9);
    REQUIRE(facts.starts.all.size() == 1);
    CHECK(facts.starts.all[0].at_us == 5);
    CHECK(facts.starts.all[0].gap_us == 2);
    REQUIRE(facts.event_time);
    CHECK(facts.event_time->clock == 9);
    CHECK(facts.event_time->at_us == 8);
    CHECK(encode_facts(facts) == kWritten);
}

TEST_CASE("a time that is not known is not written, and what is missing is nothing",
          "[tracker][facts]") {
    const auto bytes = encode_facts({});
    CHECK(bytes.find("event_time") == std::string::npos);
    CHECK_FALSE(decode_facts(bytes).event_time);
    CHECK(decode_facts("\x81\xa5"
                       "later\x01")
              .collectors.empty());
    CHECK(decode_facts("\x81\xa5"
                       "epoch\x07")
              .epoch == 7);
}

TEST_CASE("facts that cannot be read are none", "[tracker][facts]") {
    auto bytes = std::string(kWritten);
    bytes.pop_back();
    CHECK(decode_facts(bytes).epoch == 0);
    CHECK(decode_facts("").epoch == 0);
    CHECK(decode_facts("\x82\xa5"
                       "epoch\x07\xa5links\x01")
              .epoch == 0);
}
