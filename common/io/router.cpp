#include "common/io/router.hpp"

#include <utility>

#include "common/io/sockets.hpp"

namespace presence::io {

bool receive_whole(zmq::socket_t& socket, RouterMessage& into) {
    if (!receive(socket, into.peer)) return false;
    into.delimiter = false;
    into.body.rebuild();
    zmq::message_t part;
    bool more = into.peer.more();
    while (more) {
        if (!receive(socket, part)) break;
        more = part.more();
        if (more && part.size() == 0) into.delimiter = true;
        if (!more) into.body = std::move(part);
    }
    return true;
}

void reply(zmq::socket_t& socket, std::string_view peer, bool delimiter, const std::string& bytes) {
    const auto more = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
    if (!socket.send(zmq::buffer(peer), more)) return;
    if (delimiter) socket.send(zmq::message_t(), more);
    socket.send(zmq::buffer(bytes), zmq::send_flags::dontwait);
}

}  // namespace presence::io
