#pragma once

#include <string>
#include <string_view>

namespace presence {

// "tcp://host:port" taken apart. `host` is a name, an IPv4 address, an IPv6 address in brackets,
// or "*" (bind only).
struct Endpoint {
    std::string host;
    int port = 0;

    // Any address of this machine rather than one: nobody can connect to it by this name.
    [[nodiscard]] bool any_address() const;
    [[nodiscard]] bool loopback() const;
    // The one name that needs nobody to be asked: 127.0.0.1 and [::1].
    [[nodiscard]] bool localhost() const;
    // Neither an address nor "*": somebody has to be asked, unless it is localhost.
    [[nodiscard]] bool named() const;
    [[nodiscard]] std::string text() const;  // "tcp://host:port"
};

// Fills `out` and returns nothing, or says what is wrong, ready to follow "`tcp://x`: ".
[[nodiscard]] std::string parse_endpoint(std::string_view text, Endpoint& out);

}  // namespace presence
