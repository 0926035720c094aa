#pragma once

#include <string>
#include <vector>

namespace presence::notifier {

// One server that a dsn names. libpq would look a name up while nobody can interrupt it, and would
// wait for a server that hangs before it asks the next: each is asked by itself, by its address.
struct PostgresServer {
    std::string host;     // a name, a directory of sockets, or nothing: libpq's default socket
    std::string address;  // empty: `host` is looked up first, if needs_look_up()
    std::string port;

    [[nodiscard]] bool needs_look_up() const;
};

// Of libpq's `host`, `hostaddr` and `port`, lists with commas. Pure.
[[nodiscard]] std::vector<PostgresServer> servers_of(const std::string& hosts,
                                                     const std::string& addresses,
                                                     const std::string& ports);

}  // namespace presence::notifier
