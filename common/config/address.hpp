#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace presence {

// Why an IPv4 (4 bytes) or IPv6 address (16 bytes, both in network order) is none of the public
// internet: "loopback", "private", "link-local" ... ; empty if it is one. After the special-purpose
// registries of IANA. An IPv6 address that carries an IPv4 address (mapped, NAT64) is what that is.
// What is unknown counts as not public.
[[nodiscard]] std::string_view why_not_public(std::span<const std::uint8_t> address);

// "192.0.2.1", "2001:db8::1" or "[2001:db8::1]" as bytes; empty for anything else, names among it.
[[nodiscard]] std::vector<std::uint8_t> parse_address(std::string_view text);

// As far as the text tells: a name, an IPv4 address, or an IPv6 address in brackets.
[[nodiscard]] bool well_formed_host(std::string_view host);
// "HOST" or "HOST:PORT"; an IPv6 host comes out without its brackets, a port that is not there
// stays as it was. Says what is wrong, or nothing.
[[nodiscard]] std::string parse_server(std::string_view text, std::string& host, int& port);
// 1 to 65535.
[[nodiscard]] std::optional<int> parse_port(std::string_view text);

}  // namespace presence
