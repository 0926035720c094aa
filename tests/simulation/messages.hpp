#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/scheduler.hpp"

namespace presence::simulation {

// A heartbeat as the load meant it.
struct Beat {
    std::size_t user = 0;
    std::string session;
    std::string edge;  // empty: the edge does not name itself
    Time ttl = 0;
    Time age = 0;
    bool bye = false;
    Time linger = 0;       // of a bye
    bool says_so = false;  // or else it is the configured one
    bool crowded = false;  // of a user with more sessions than there is room for
    std::optional<std::string> status;
};

// An edge's message, with what it means beside it for the model.
struct HeartbeatMessage {
    std::string bytes;
    std::vector<Beat> beats;
    std::string edge;             // empty: it does not name itself
    std::optional<Time> stamped;  // true time of its sent_ms
    std::uint64_t boot = 0;       // the edge's run
    Time stood_still = 0;         // its clock before, in all
};
using HeartbeatPacket = std::shared_ptr<const HeartbeatMessage>;

// Anything between the other processes.
struct Packet {
    enum class Kind : std::uint8_t { plain, batch, tick };
    std::shared_ptr<const std::string> bytes;
    std::uint64_t connection = 0;  // the run of the process at the dealer's end
    Kind kind = Kind::plain;
};
using SendPacket = std::function<void(std::size_t to, Packet packet)>;

inline Packet packet_of(std::string bytes, std::uint64_t connection,
                        Packet::Kind kind = Packet::Kind::plain) {
    return {std::make_shared<const std::string>(std::move(bytes)), connection, kind};
}

}  // namespace presence::simulation
