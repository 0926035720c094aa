#include "common/text.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <cstdint>

using namespace presence;
using namespace std::string_literals;

namespace {

// The plainest reading of RFC 3629: decode by bit patterns, then look at the code point.
TextFault check_slowly(const std::string& text, std::size_t bytes_max) {
    if (text.empty()) return TextFault::empty;
    if (text.size() > bytes_max) return TextFault::too_long;
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
        const unsigned lead = byte(i);
        const std::size_t length = lead < 0x80         ? 1
                                   : lead >> 5 == 0x06 ? 2
                                   : lead >> 4 == 0x0e ? 3
                                   : lead >> 3 == 0x1e ? 4
                                                       : 0;
        if (length == 0 || i + length > text.size()) return TextFault::not_utf8;
        std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
        for (std::size_t k = 1; k < length; ++k) {
            if (byte(i + k) >> 6 != 2) return TextFault::not_utf8;
            point = point << 6 | (byte(i + k) & 0x3fu);
        }
        constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return TextFault::not_utf8;
        if (point < 0x20 || (point >= 0x7f && point <= 0x9f)) return TextFault::control;
        i += length;
    }
    return TextFault::none;
}

}  // namespace

TEST_CASE("ids are 1 to 128 bytes", "[text]") {
    CHECK(check_text("", 128) == TextFault::empty);
    CHECK(check_text("a", 128) == TextFault::none);
    CHECK(check_text(std::string(128, 'x'), 128) == TextFault::none);
    CHECK(check_text(std::string(129, 'x'), 128) == TextFault::too_long);
}

TEST_CASE("control characters are refused wherever they stand", "[text]") {
    for (std::size_t at = 0; at < 20; ++at)
        for (const char c : {'\0', '\n', '\x1f', '\x7f'}) {
            std::string text(20, 'x');
            text[at] = c;
            CHECK(check_text(text, 128) == TextFault::control);
        }
    CHECK(check_text("a\xc2\x85", 128) == TextFault::control);
    CHECK(check_text("a\xc2\xa0", 128) == TextFault::none);
}

TEST_CASE("only well-formed UTF-8 is taken", "[text]") {
    CHECK(check_text("J\xc3\xb8rgen \xe4\xbd\xa0 \xf0\x9f\x99\x82", 128) == TextFault::none);
    for (const auto* bad : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\xaf", "\xed\xa0\x80", "\xe4\xbd",
                            "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
        CHECK(check_text("abcdefgh"s + bad, 128) == TextFault::not_utf8);
}

TEST_CASE("the fast check agrees with the plain one", "[text]") {
    rc::prop("random bytes", [](const std::string& text) {
        RC_ASSERT(check_text(text, 64) == check_slowly(text, 64));
    });
    rc::prop("characters of all lengths, one byte changed at times", [] {
        const auto characters = *rc::gen::container<std::vector<std::string>>(rc::gen::element(
            "a"s, "bcdefghij"s, "~"s, "\xc2\xa0"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
            "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s));
        std::string text;
        for (const auto& character : characters)
            text += character;
        if (!text.empty() && *rc::gen::arbitrary<bool>())
            text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
        RC_ASSERT(check_text(text, 128) == check_slowly(text, 128));
    });
}
