#pragma once

#include <string>
#include <string_view>

namespace presence {

// "https://host:port/path?query", as much of it as has to be known before it is used.
struct Url {
    std::string scheme;  // http or https
    std::string host;    // a name, an IPv4 address, or an IPv6 address in brackets
    std::string origin;  // scheme, host and port: a path may hold a secret, this may be logged

    // By the text alone: a name may resolve to anything, but "localhost" is known.
    [[nodiscard]] bool loopback() const;
};

// Fills `out` and returns nothing, or says what is wrong, ready to follow "`http://x`: ". Strict:
// no user or password (it would be printed and logged), no fragment, only printable ASCII.
[[nodiscard]] std::string parse_url(std::string_view text, Url& out);

}  // namespace presence
