#pragma once

#include <deque>
#include <functional>

#include "tests/simulation/messages.hpp"
#include "tests/simulation/plan.hpp"
#include "tests/simulation/process.hpp"

namespace presence::simulation {

// An edge server: gathers its users' heartbeats and sends them, a message each flush, to one
// collector after another, or to the same one as long as that takes them. Not a core of the
// project: it only speaks the public contract.
class Edge : public Process {
public:
    using Send = std::function<void(std::size_t collector, HeartbeatPacket packet)>;

    Edge(Environment& env, std::size_t index, Random random, const Shape& shape, Send to_collector);

    // A user's client did something just now. `beat.edge` is filled in here.
    void add(Beat beat);
    // Whether a collector can be reached at all: a PUSH socket leaves those that are not there.
    std::function<bool(std::size_t collector)> reachable;

protected:
    void boot() override;
    void die() override;
    void receive() override {}
    void decide() override;
    void send() override;
    Time next_wakeup() override { return next_flush_; }

private:
    struct Waiting {
        Beat beat;
        std::int64_t since;  // by the edge's clock
    };
    HeartbeatPacket next_message();
    std::size_t next_collector();

    const Shape& shape_;
    Send to_collector_;
    bool named_;
    bool stamps_;     // tells sent_ms
    bool tells_age_;  // tells how long a heartbeat waited here
    Time flush_;
    std::size_t batch_max_;
    std::uint64_t boots_ = 0;
    std::uint64_t seq_ = 0;
    std::size_t next_collector_ = 0;
    std::size_t first_choice_;  // of one that keeps to a collector
    Time next_flush_ = 0;
    Time last_sent_ = 0;
    std::deque<Waiting> waiting_;
    std::vector<HeartbeatPacket> outgoing_;
};

// The user's id on the wire.
[[nodiscard]] std::string user_name(std::size_t user);

}  // namespace presence::simulation
