#include "common/config/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace presence {
namespace {

using Bytes = std::span<const std::uint8_t>;

struct Block {
    std::array<std::uint8_t, 16> first;
    int bits;  // that are the same in all of the block
    std::string_view what;
};

constexpr std::array kIpv4{
    Block{{0}, 8, "unspecified"},
    Block{{10}, 8, "private"},
    Block{{100, 64}, 10, "private (shared by carriers)"},
    Block{{127}, 8, "loopback"},
    Block{{169, 254}, 16, "link-local"},
    Block{{172, 16}, 12, "private"},
    Block{{192, 0, 0}, 24, "reserved"},
    Block{{192, 0, 2}, 24, "reserved"},
    Block{{192, 88, 99}, 24, "reserved"},
    Block{{192, 168}, 16, "private"},
    Block{{198, 18}, 15, "reserved"},
    Block{{198, 51, 100}, 24, "reserved"},
    Block{{203, 0, 113}, 24, "reserved"},
    Block{{224}, 4, "multicast"},
    Block{{240}, 4, "reserved"},
};

constexpr Block kMapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, {}};
constexpr Block kNat64{{0, 0x64, 0xff, 0x9b}, 96, {}};
constexpr Block kGlobalUnicast{{0x20}, 3, {}};

// Within and beside global unicast.
constexpr std::array kIpv6{
    Block{{0}, 128, "unspecified"},
    Block{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, "loopback"},
    Block{{0x20, 0x01, 0}, 23, "reserved"},  // Teredo and ORCHID among it
    Block{{0x20, 0x01, 0x0d, 0xb8}, 32, "reserved"},
    Block{{0x20, 0x02}, 16, "reserved"},  // 6to4
    Block{{0x3f, 0xff, 0}, 20, "reserved"},
    Block{{0xfc}, 7, "private"},
    Block{{0xfe, 0x80}, 10, "link-local"},
    Block{{0xfe, 0xc0}, 10, "private"},
    Block{{0xff}, 8, "multicast"},
};

bool in(Bytes address, const Block& block) {
    const auto whole = static_cast<std::size_t>(block.bits / 8);
    if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole),
                    block.first.begin()))
        return false;
    const int rest = block.bits % 8;
    return rest == 0 || (address[whole] ^ block.first[whole]) >> (8 - rest) == 0;
}

template <class Blocks>
std::string_view what(Bytes address, const Blocks& blocks) {
    for (const auto& block : blocks)
        if (in(address, block)) return block.what;
    return {};
}

}  // namespace

std::string_view why_not_public(Bytes address) {
    if (address.size() == 4) return what(address, kIpv4);
    if (address.size() != 16) return "no internet address";
    if (in(address, kMapped) || in(address, kNat64)) return what(address.subspan(12), kIpv4);
    if (const auto found = what(address, kIpv6); !found.empty()) return found;
    return in(address, kGlobalUnicast) ? std::string_view{} : "reserved";
}

std::vector<std::uint8_t> parse_address(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']')
        text = text.substr(1, text.size() - 2);
    const std::string terminated(text);
    for (const auto& [family, size] : {std::pair{AF_INET, 4}, std::pair{AF_INET6, 16}}) {
        std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
        if (::inet_pton(family, terminated.c_str(), bytes.data()) == 1) return bytes;
    }
    return {};
}

bool well_formed_host(std::string_view host) {
    if (host.starts_with('[')) return host.ends_with(']') && parse_address(host).size() == 16;
    return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '.' || c == '-' || c == '_';
    });
}

std::string parse_server(std::string_view text, std::string& host, int& port) {
    const auto end = text.starts_with('[') ? std::min(text.find(']'), text.size() - 1) + 1
                                           : std::min(text.find(':'), text.size());
    const auto name = text.substr(0, end);
    if (!well_formed_host(name))
        return "the host is a name, an IPv4 address, or an IPv6 address in brackets";
    if (const auto rest = text.substr(end); !rest.empty()) {
        const auto number = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
        if (!number) return "the port is a number from 1 to 65535";
        port = *number;
    }
    host = name.starts_with('[') ? name.substr(1, name.size() - 2) : name;
    return {};
}

std::optional<int> parse_port(std::string_view text) {
    int port = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || rest != text.data() + text.size() || port < 1 || port > 65535)
        return {};
    return port;
}

}  // namespace presence
