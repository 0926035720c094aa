#include "common/io/connection.hpp"

#include <utility>

#include "common/io/log.hpp"

namespace presence::io {
namespace {

// Acknowledgements come for each frame, ticks each second. Answers have to be asked for.
Dialer::Speaks speaks(Role role) {
    return role == Role::queries_out ? Dialer::Speaks::when_asked : Dialer::Speaks::always;
}

}  // namespace

Connection::Connection(zmq::context_t& context, Role role, const std::string& endpoint,
                       std::vector<std::string> topics)
    : context_(&context),
      role_(role),
      endpoint_(endpoint),
      topics_(std::move(topics)),
      dialer_(speaks(role)),
      socket_(make_socket(context, role, std::vector<std::string>{})) {
    if (const auto fault = parse_endpoint(endpoint, parsed_); !fault.empty())
        throw SocketError("cannot connect to " + endpoint + ": " + fault);
}

bool Connection::turn(Instant now) {
    auto step = dialer_.turn(now);
    if (step == Dialer::Step::look_up) look_up_.emplace(parsed_.host);
    if (look_up_)
        if (const auto outcome = look_up_->take()) {
            look_up_.reset();
            found(now, *outcome);
            step = dialer_.turn(now);
        }
    return step == Dialer::Step::connect && connect(now);
}

void Connection::found(Instant now, const Found& outcome) {
    std::vector<std::string> addresses;
    for (const auto& host : outcome.hosts)
        addresses.push_back(Endpoint{host, parsed_.port}.text());
    dialer_.on_addresses(std::move(addresses));
    if (!outcome.hosts.empty() || !tell_failure_.take(now)) return;
    log::warn("name_not_found", {{"endpoint", endpoint_}, {"reason", outcome.failure}});
}

// A new socket: libzmq ignores a second connect to an endpoint that it has given up. Where there
// can be none, as no more files may be open, the one before stays until the next try.
bool Connection::connect(Instant now) {
    const auto& address = dialer_.address();
    try {
        auto next = make_socket(*context_, role_, std::vector<std::string>{address});
        for (const auto& topic : topics_)
            next.set(zmq::sockopt::subscribe, topic);
        socket_.set(zmq::sockopt::linger, 0);
        socket_ = std::move(next);
    } catch (const SocketError& error) {
        if (tell_failure_.take(now)) log::warn("not_connected", {{"reason", error.what()}});
        return false;
    }
    if (parsed_.named() && std::exchange(address_told_, address) != address)
        log::info("address_found", {{"endpoint", endpoint_}, {"address", address}});
    return true;
}

void Connection::add_to(std::vector<zmq::pollitem_t>& items) {
    items.push_back(readable(socket_));
    if (look_up_) items.push_back(readable(look_up_->fd()));
}

}  // namespace presence::io
