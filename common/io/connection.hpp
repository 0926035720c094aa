#pragma once

#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/config/endpoint.hpp"
#include "common/dialer.hpp"
#include "common/io/look_up.hpp"
#include "common/io/sockets.hpp"
#include "common/throttle.hpp"
#include "common/time.hpp"

namespace presence::io {

// The socket of a role that connects, for as long as a process lives: to one peer, by a name or an
// address, and anew when the peer is silent for long (Dialer). It never waits.
//
// `event=address_found endpoint=tcp://t1.example:7410 address=tcp://10.0.0.5:7410` tells where a
// name leads, once each time it is another address, `event=name_not_found` that nobody knows, once
// each minute.
class Connection {
public:
    // `topics`: for a SUB. Throws SocketError if `endpoint` is none.
    Connection(zmq::context_t& context, Role role, const std::string& endpoint,
               std::vector<std::string> topics = {});

    // Another one after a turn() that connected.
    [[nodiscard]] zmq::socket_t& socket() { return socket_; }
    void heard() { dialer_.heard(); }
    void asked() { dialer_.asked(); }
    // Call at least once a second. True if it connected, anew or for the first time: what the
    // socket before had taken to send is gone.
    bool turn(Instant now);
    // What to wait for: messages, and the outcome of a look-up.
    void add_to(std::vector<zmq::pollitem_t>& items);

private:
    static constexpr Duration kTellFailure = 60s;

    void found(Instant now, const Found& outcome);
    bool connect(Instant now);

    zmq::context_t* context_;
    Role role_;
    std::string endpoint_;
    Endpoint parsed_;
    std::vector<std::string> topics_;
    Dialer dialer_;
    zmq::socket_t socket_;
    std::optional<LookUp> look_up_;  // under way
    std::string address_told_;
    Throttle tell_failure_{kTellFailure};
};

}  // namespace presence::io
