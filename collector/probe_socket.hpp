#pragma once

#include <cstdint>
#include <string>
#include <zmq.hpp>

namespace presence::collector {

// The way of a Router's probes: out of this process and back into it, through the I/O thread that
// feeds the input. Abstract Unix sockets, as they need no port, no file and no address. Others on
// this machine can connect, but do not know what a probe says.
class ProbeSocket {
public:
    // Requires: a context with two I/O threads. Throws io::SocketError.
    explicit ProbeSocket(zmq::context_t& context);

    // May be lost.
    void send(std::uint64_t number);
    // fn(number) of those that came back.
    template <class Fn>
    void receive(const Fn& fn) {
        for (int n = 0; n < kTakenMax && take(); ++n)
            if (got_ != 0) fn(got_);
    }

private:
    static constexpr int kTakenMax = 16;
    [[nodiscard]] bool take();  // false: there is none

    std::string secret_;
    zmq::socket_t in_;
    zmq::socket_t out_;
    std::uint64_t got_ = 0;  // 0: it was none of ours
};

}  // namespace presence::collector
