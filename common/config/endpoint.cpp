#include "common/config/endpoint.hpp"

#include <algorithm>

#include "common/config/address.hpp"

namespace presence {
namespace {

bool starts_with_number(std::string_view host, std::string_view prefix) {
    return host.starts_with(prefix) &&
           host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// Some systems take 127.1 or 010.0.0.1 for an address, each for another one.
bool odd_numbers(std::string_view host) {
    return !host.empty() && starts_with_number(host, "") && parse_address(host).size() != 4;
}

}  // namespace

bool Endpoint::any_address() const {
    return host == "*" || host == "0.0.0.0" || host == "[::]";
}

bool Endpoint::loopback() const {
    return localhost() || host == "[::1]" || starts_with_number(host, "127.");
}

bool Endpoint::localhost() const {
    constexpr std::string_view kName = "localhost";
    return std::equal(host.begin(), host.end(), kName.begin(), kName.end(),
                      [](char c, char lower) { return c == lower || c == lower - 'a' + 'A'; });
}

bool Endpoint::named() const {
    return host != "*" && parse_address(host).empty();
}

std::string Endpoint::text() const {
    return "tcp://" + host + ":" + std::to_string(port);
}

std::string parse_endpoint(std::string_view text, Endpoint& out) {
    if (text.starts_with("ipc://"))
        return "ipc can lose the last messages of a process that ends; use tcp://127.0.0.1:PORT";
    if (text.starts_with("inproc://"))
        return "inproc does not leave a process; use tcp://127.0.0.1:PORT";
    constexpr std::string_view kScheme = "tcp://";
    if (!text.starts_with(kScheme)) return "an endpoint is tcp://HOST:PORT";
    text.remove_prefix(kScheme.size());
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return "the port is missing; an endpoint is tcp://HOST:PORT";
    const auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    if (odd_numbers(host)) return "an IPv4 address is four numbers up to 255";
    if (host != "*" && !well_formed_host(host))
        return "the host is a name, an IPv4 address, or an IPv6 address in brackets";
    const auto number = parse_port(port);
    if (!number) return "the port is a number from 1 to 65535";
    out.host = host;
    out.port = *number;
    return {};
}

}  // namespace presence
