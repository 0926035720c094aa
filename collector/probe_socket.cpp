#include "collector/probe_socket.hpp"

#include <unistd.h>

#include <charconv>
#include <random>
#include <vector>

#include "common/io/sockets.hpp"

namespace presence::collector {
namespace {

std::string random_digits() {
    std::random_device device;
    return std::to_string(device()) + std::to_string(device());
}

std::vector<std::string> endpoint() {
    static const std::string name =
        "ipc://@presence-probe-" + std::to_string(::getpid()) + "-" + random_digits();
    return {name};
}

}  // namespace

ProbeSocket::ProbeSocket(zmq::context_t& context)
    : secret_(random_digits() + ":"),
      in_(io::make_socket(context, io::Role::probes_in, endpoint())),
      out_(io::make_socket(context, io::Role::probes_out, endpoint())) {}

void ProbeSocket::send(std::uint64_t number) {
    io::send(out_, secret_ + std::to_string(number));
}

bool ProbeSocket::take() {
    zmq::message_t message;
    if (!io::receive(in_, message)) return false;
    got_ = 0;
    const auto text = io::view(message);
    if (message.more() || !text.starts_with(secret_)) return true;
    (void)std::from_chars(text.data() + secret_.size(), text.data() + text.size(), got_);
    return true;
}

}  // namespace presence::collector
