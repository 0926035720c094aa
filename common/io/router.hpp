#pragma once

#include <string>
#include <string_view>
#include <zmq.hpp>

// How a ROUTER is read and answered.
namespace presence::io {

// Whom a message came from, and its last part. An empty delimiter, as REQ sends it, is remembered
// to be mirrored.
struct RouterMessage {
    zmq::message_t peer;
    bool delimiter = false;
    zmq::message_t body;
};

// Does not wait. False: there is none.
[[nodiscard]] bool receive_whole(zmq::socket_t& socket, RouterMessage& into);

// A peer that is gone or does not read loses it.
void reply(zmq::socket_t& socket, std::string_view peer, bool delimiter, const std::string& bytes);

}  // namespace presence::io
