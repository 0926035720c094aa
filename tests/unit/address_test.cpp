#include "common/config/address.hpp"

#include <catch2/catch.hpp>

using namespace presence;

namespace {

std::string why(const std::string& text) {
    const auto address = parse_address(text);
    REQUIRE(!address.empty());
    return std::string(why_not_public(address));
}

}  // namespace

TEST_CASE("addresses of the public internet are public, to both ends of what lies between",
          "[address]") {
    for (const char* text :
         {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",    "100.63.255.255",
          "100.128.0.0",     "126.255.255.255", "128.0.0.0",   "169.253.255.255",
          "169.255.0.0",     "172.15.255.255",  "172.32.0.0",  "192.0.1.0",
          "192.0.3.0",       "192.167.255.255", "192.169.0.0", "198.17.255.255",
          "198.20.0.0",      "203.0.112.255",   "203.0.114.0", "223.255.255.255",
          "8.8.8.8",         "2000::",          "2001:200::",  "2001:4860:4860::8888",
          "2001:db7:ffff::", "2001:db9::",      "2003::1",     "3fff:1000::",
          "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8"}) {
        INFO(text);
        CHECK(why(text).empty());
    }
}

TEST_CASE("every other address is told for what it is", "[address]") {
    const std::vector<std::pair<std::string, std::string>> table{
        {"0.0.0.0", "unspecified"},
        {"0.255.255.255", "unspecified"},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"100.64.0.0", "private (shared by carriers)"},
        {"100.127.255.255", "private (shared by carriers)"},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"169.254.0.0", "link-local"},
        {"169.254.169.254", "link-local"},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"192.0.0.8", "reserved"},
        {"192.0.2.1", "reserved"},
        {"192.88.99.1", "reserved"},
        {"192.168.0.0", "private"},
        {"192.168.255.255", "private"},
        {"198.18.0.0", "reserved"},
        {"198.19.255.255", "reserved"},
        {"198.51.100.1", "reserved"},
        {"203.0.113.1", "reserved"},
        {"224.0.0.0", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.0", "reserved"},
        {"255.255.255.255", "reserved"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "reserved"},
        {"::127.0.0.1", "reserved"},  // the old compatible form
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:10.1.2.3", "private"},
        {"::ffff:a9fe:a9fe", "link-local"},
        {"::ffff:0.0.0.0", "unspecified"},
        {"64:ff9b::10.1.2.3", "private"},
        {"64:ff9b::169.254.169.254", "link-local"},
        {"64:ff9b:1::8.8.8.8", "reserved"},
        {"100::1", "reserved"},
        {"1fff:ffff::", "reserved"},
        {"2001::1", "reserved"},
        {"2001:1ff:ffff::", "reserved"},
        {"2001:db8::1", "reserved"},
        {"2002:7f00:1::", "reserved"},
        {"3fff::1", "reserved"},
        {"4000::", "reserved"},
        {"fbff::1", "reserved"},
        {"fc00::1", "private"},
        {"fd00:ec2::254", "private"},
        {"fe80::1", "link-local"},
        {"febf::1", "link-local"},
        {"fec0::1", "private"},
        {"ff02::1", "multicast"},
    };
    for (const auto& [text, expected] : table) {
        INFO(text);
        CHECK(why(text) == expected);
    }
}

TEST_CASE("what is no internet address is not public", "[address]") {
    CHECK(!why_not_public({}).empty());
    CHECK(!why_not_public(std::vector<std::uint8_t>(5, 8)).empty());
}

TEST_CASE("addresses are read strictly, names are none", "[address]") {
    CHECK(parse_address("192.0.2.1") == std::vector<std::uint8_t>{192, 0, 2, 1});
    CHECK(parse_address("[::1]").size() == 16);
    CHECK(parse_address("::1").size() == 16);
    for (const char* text : {"", "localhost", "127.1", "0x7f000001", "2130706433", "010.0.0.1",
                             "1.2.3.4.5", "[]", "[::1", "::1%lo", "1.2.3.4 "}) {
        INFO(text);
        CHECK(parse_address(text).empty());
    }
}
