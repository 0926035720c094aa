#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/counters.hpp"
#include "common/io/sockets.hpp"
#include "common/peer_connection.hpp"
#include "common/throttle.hpp"
#include "common/time.hpp"
#include "common/unfinished.hpp"

namespace presence::io {

// Which connection a message came over; none is known of one that libzmq made itself.
[[nodiscard]] PeerConnection connection_of(const zmq::message_t& message);

inline constexpr auto kGuardCounters = std::to_array<Counter>({
    {"connections_ended", CounterKind::trouble,
     "Connections ended because the peer sent what it may not."},
});
using GuardCounters = Counters<kGuardCounters>;

// Watches over what comes to a process's bound sockets, and ends connections that would make libzmq
// keep more than it may (common/unfinished.hpp; for the loop to say so: end()). A peer of ours
// whose connection is ended connects again by itself. Each is told in the log
// (`connection_ended`), at most one in 10 s, with how many more there were.
class Guard {
public:
    // Of a socket of this role that was bound, or bound anew.
    void watch(Role role, const zmq::socket_t& socket);
    // A message was received whole; cheap.
    void on_message(Role role, const zmq::message_t& message);
    // Nothing was there to be received.
    void on_empty(Role role);
    // Once a turn; looks every 50 ms, at 2,000 files at most or a tenth of them.
    void turn(Instant now);
    // When to call again at the latest.
    [[nodiscard]] Instant wakeup() const { return any_ ? look_.next() : Instant::max(); }
    // Ends one for a reason of the caller's.
    void end(Role role, const Unwelcome& unwelcome);

    [[nodiscard]] const GuardCounters& counters() const { return counters_; }

private:
    static constexpr Duration kLookInterval = 50ms;
    static constexpr Duration kTellInterval = 10s;

    struct Watched {
        Role role;
        std::uint16_t port;
        Unfinished unfinished;
        std::vector<Unfinished::Seen> seen{};  // at this look
    };
    Watched* find(Role role);
    void look_at(int fd);
    void list_files();

    std::deque<Watched> watched_;
    std::vector<int> files_;  // open ones, sorted; those before next_ were looked at
    std::size_t next_ = 0;
    Throttle look_{kLookInterval};
    bool any_ = false;  // connections at the last look
    std::minstd_rand chance_{std::random_device{}()};
    GuardCounters counters_;
    Throttle tell_{kTellInterval};
    std::vector<PeerConnection> unwelcome_;
};

}  // namespace presence::io
