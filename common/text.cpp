#include "common/text.hpp"

#include <cstdint>
#include <cstring>

namespace presence {
namespace {

// Eight bytes at once: true if each is printable ASCII (0x20..0x7e).
bool printable_ascii(const char* p) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, sizeof word);
    constexpr std::uint64_t kEach = 0x0101010101010101;
    constexpr std::uint64_t kHigh = 0x8080808080808080;
    const bool below_space = ((word - kEach * 0x20) & ~word & kHigh) != 0;
    const bool del_or_more = (((word + kEach) | word) & kHigh) != 0;
    return !below_space && !del_or_more;
}

// True if all is printable ASCII, as nearly every id is; false if not, or if there are less than
// eight bytes. The last word overlaps the one before.
bool ascii_text(std::string_view text) {
    constexpr std::size_t kWord = 8;
    if (text.size() < kWord) return false;
    const std::size_t last = text.size() - kWord;
    for (std::size_t at = 0; at < last; at += kWord)
        if (!printable_ascii(text.data() + at)) return false;
    return printable_ascii(text.data() + last);
}

// Length of the well-formed, non-control character at p, or 0 with the fault set.
std::size_t character(const unsigned char* p, std::size_t left, TextFault& fault) {
    const unsigned char lead = p[0];
    const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return i < left && p[i] >= low && p[i] <= high;
    };
    fault = TextFault::control;
    if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
    if (lead == 0xc2 && continues(1, 0x80, 0x9f)) return 0;
    fault = TextFault::not_utf8;
    if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = lead == 0xed ? 0x9f : 0xbf;
        return continues(1, low, high) && continues(2) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
        return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

TextFault check_text(std::string_view text, std::size_t bytes_max) {
    if (text.empty()) return TextFault::empty;
    if (text.size() > bytes_max) return TextFault::too_long;
    if (ascii_text(text)) return TextFault::none;
    const char* p = text.data();
    std::size_t left = text.size();
    while (left > 0) {
        if (left >= 8 && printable_ascii(p)) {
            p += 8;
            left -= 8;
            continue;
        }
        TextFault fault{};
        const std::size_t length =
            character(reinterpret_cast<const unsigned char*>(p), left, fault);
        if (length == 0) return fault;
        p += length;
        left -= length;
    }
    return TextFault::none;
}

}  // namespace presence
