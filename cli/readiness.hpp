#pragma once

#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/config.hpp"

namespace presence::cli {

// Whether a pipeline works: every tracker answers `status` and hears every collector. Those that
// started before `boot_min` belong to another pipeline at the same addresses and do not count.
class Readiness {
public:
    Readiness(zmq::context_t& context, const Config& config, std::uint64_t boot_min);

    // Asks those trackers that are not known to be ready, and reads what they answered.
    void turn(Instant now);
    [[nodiscard]] bool ready() const;
    // "no answer from tracker t2; tracker t1 does not hear collector c1"
    [[nodiscard]] std::string missing() const;
    [[nodiscard]] std::vector<void*> sockets();

    static constexpr Duration kAskEvery = 50ms;

private:
    struct Tracker {
        std::string id;
        zmq::socket_t socket;
        bool ready = false;
        std::string missing;
        Instant ask_at{};
    };
    void read(Tracker& tracker);

    std::uint64_t boot_min_;
    std::vector<std::string> collectors_;
    std::vector<Tracker> trackers_;
};

}  // namespace presence::cli
