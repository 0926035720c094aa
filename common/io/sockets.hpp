#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

#include "common/time.hpp"

// Every socket of the project is made here, by role, so that options, and later keys and allow
// lists, are set in one place. Sources of each choice: docs/architecture.md, "Sockets".
namespace presence::io {

enum class Role {
    heartbeats_in,   // PULL, bind: collector, from edges
    heartbeats_out,  // PUSH, connect: an edge (our command line and load generator)
    frames_out,      // DEALER, connect: collector to one tracker
    frames_in,       // ROUTER, bind: tracker, from collectors
    events_out,      // XPUB, bind: tracker
    events_in,       // SUB, connect: follower, subscriber
    queries_in,      // ROUTER, bind: tracker
    queries_out,     // DEALER, connect: asker
    probes_in,       // PULL, bind: collector, from itself
    probes_out,      // PUSH, connect: a collector, to itself
};

// "cannot bind tcp://127.0.0.1:7400 for heartbeats: Address already in use". In a process's main it
// leads to exit code 69.
struct SocketError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// BLOCKY 0, up to 4096 sockets; RLIMIT_NOFILE is raised to its hard limit. With two I/O threads
// sockets that strangers reach share the second.
[[nodiscard]] zmq::context_t make_context(int io_threads = 1);

// Endpoints of `endpoint` without names: of each address of its host, the one that names mean
// most first. Waits for name servers, not for long. Throws SocketError, in which `role` is named.
[[nodiscard]] std::vector<std::string> addresses_of(Role role, const std::string& endpoint);

// Made, configured and bound or connected; throws SocketError. A name is looked up first, as by
// addresses_of(): where a loop must not wait there is a Connection. It is bound at all of its
// addresses that this machine has, and connected to the first that takes connections.
// `routing_id` only for frames_out and queries_out; empty: libzmq chooses.
[[nodiscard]] zmq::socket_t make_socket(zmq::context_t& context, Role role,
                                        const std::string& endpoint,
                                        const std::string& routing_id = {});
// The same without names, and so without waiting. None, of a role that connects: not connected.
[[nodiscard]] zmq::socket_t make_socket(zmq::context_t& context, Role role,
                                        const std::vector<std::string>& addresses,
                                        const std::string& routing_id = {});
// Of a role that connects, one for each endpoint, or why there is none. Names are looked up at
// once, and waited for together.
struct MaybeSocket {
    std::optional<zmq::socket_t> socket;
    std::string failure;
};
[[nodiscard]] std::vector<MaybeSocket> make_sockets(zmq::context_t& context, Role role,
                                                    const std::vector<std::string>& endpoints,
                                                    Duration within);
// From each of these where it is bound.
void unbind(zmq::socket_t& socket, const std::vector<std::string>& addresses);

// A larger message costs its peer the connection; of one of several parts, each.
[[nodiscard]] std::size_t message_bytes_max(Role role);
// What waits of one peer until it is received, at most.
[[nodiscard]] std::size_t queue_bytes_max(Role role);

// Calls that never block, and that a signal or a stop of the process does not interrupt.
[[nodiscard]] bool receive(zmq::socket_t& socket, zmq::message_t& into);  // false: nothing there
bool send(zmq::socket_t& socket, std::string_view bytes);  // false: it cannot take it now

// The same, but not copied: libzmq shares the bytes until they are on their way.
bool send(zmq::socket_t& socket, const std::shared_ptr<const std::string>& bytes);

[[nodiscard]] inline std::string_view view(const zmq::message_t& message) {
    return {static_cast<const char*>(message.data()), message.size()};
}

// The peer's address, without a port; empty if there is none. Lives as long as the message.
[[nodiscard]] inline std::string_view address_of(const zmq::message_t& message) {
    const char* const address = zmq_msg_gets(message.handle(), "Peer-Address");
    return address == nullptr ? std::string_view{} : address;
}

// For poll(): until something can be read.
[[nodiscard]] inline zmq::pollitem_t readable(zmq::socket_t& socket) {
    return {socket.handle(), 0, ZMQ_POLLIN, 0};
}
[[nodiscard]] inline zmq::pollitem_t readable(int fd) {
    return {nullptr, fd, ZMQ_POLLIN, 0};
}
// Waits until one of `items` is ready or the time is over; may end early.
void poll(std::span<zmq::pollitem_t> items, Duration at_most);

}  // namespace presence::io
