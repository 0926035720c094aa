#include "common/config/url.hpp"

#include <algorithm>

#include "common/config/address.hpp"

namespace presence {
namespace {

// What stands behind the host: nothing, or a colon and a port.
bool good_port(std::string_view text) {
    return text.empty() || (text.front() == ':' && parse_port(text.substr(1)));
}

}  // namespace

bool Url::loopback() const {
    const auto address = parse_address(host);
    return host == "localhost" || (!address.empty() && why_not_public(address) == "loopback");
}

std::string parse_url(std::string_view text, Url& out) {
    Url url;
    for (const std::string_view scheme : {"http", "https"})
        if (text.starts_with(std::string(scheme) + "://")) url.scheme = scheme;
    if (url.scheme.empty()) return "a URL is https://HOST/PATH or http://HOST/PATH";
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
        return "a URL is printable ASCII without spaces; write other characters as %XX, other "
               "hosts in punycode";
    if (text.find('#') != std::string_view::npos) return "a fragment (#) is not sent: leave it out";
    const auto authority = text.substr(url.scheme.size() + 3);
    const auto server = authority.substr(0, authority.find_first_of("/?\\"));
    if (server.find('@') != std::string_view::npos)
        return "a user or password in a URL would be printed and logged: leave it out";
    const auto end = server.starts_with('[') ? std::min(server.find(']'), server.size() - 1) + 1
                                             : std::min(server.find(':'), server.size());
    const auto host = server.substr(0, end);
    if (!well_formed_host(host))
        return "the host is a name, an IPv4 address, or an IPv6 address in brackets";
    if (!good_port(server.substr(end))) return "the port is a number from 1 to 65535";
    if (authority.substr(server.size()).find('\\') != std::string_view::npos)
        return "a backslash is written as %5C";
    url.host = host;
    url.origin = url.scheme + "://" + std::string(server);
    out = std::move(url);
    return {};
}

}  // namespace presence
