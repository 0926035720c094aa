#include "notifier/sinks/postgres/dsn.hpp"

#include "common/config/address.hpp"

namespace presence::notifier {

namespace {

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts(1);
    for (const char c : list)
        if (c == ',')
            parts.emplace_back();
        else
            parts.back() += c;
    return parts;
}

// One port may serve for all.
std::string nth(const std::vector<std::string>& list, std::size_t n) {
    if (list.size() == 1) return list[0];
    return n < list.size() ? list[n] : "";
}

}  // namespace

bool PostgresServer::needs_look_up() const {
    // "@" begins the name of an abstract socket.
    return address.empty() && !host.empty() && host[0] != '/' && host[0] != '@' &&
           parse_address(host).empty();
}

std::vector<PostgresServer> servers_of(const std::string& hosts, const std::string& addresses,
                                       const std::string& ports) {
    const auto host = split(hosts);
    const auto address = split(addresses);
    const auto port = split(ports);
    std::vector<PostgresServer> servers(addresses.empty() ? host.size() : address.size());
    for (std::size_t n = 0; n < servers.size(); ++n)
        servers[n] = {n < host.size() ? host[n] : "", n < address.size() ? address[n] : "",
                      nth(port, n)};
    return servers;
}

}  // namespace presence::notifier
