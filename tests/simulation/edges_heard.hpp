#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/simulation/plan.hpp"
#include "tests/simulation/scheduler.hpp"

namespace presence::simulation {

// When collectors read anything of each named edge, and what its silences mean for its sessions:
// until when nobody may end them. In true times.
class EdgesHeard {
public:
    // `slack`: how well a tracker knows at which time a collector read something.
    EdgesHeard(const Shape& shape, Time slack) : shape_(shape), slack_(slack) {}

    void heard(const std::string& edge, Time read);
    // A session whose ttl runs from `began`, as a heartbeat tells that was read at `read` and is
    // the last, does not end before. 0: nothing can be said. What an edge's silence before it moved
    // is known only to a tracker that knew the edge.
    [[nodiscard]] Time held_until(const std::string& edge, Time began, Time read, Time ttl) const;
    // And it has ended by then.
    [[nodiscard]] Time ended_by(const std::string& edge, Time began, Time ttl) const;

private:
    struct Speech {
        Time from;
        Time to;
    };
    using Speeches = std::map<std::string, std::vector<Speech>>;
    static void add(std::vector<Speech>& speeches, Time read, Time pause_max);

    const Shape& shape_;
    Time slack_;
    Speeches surely_;   // what lies between them a tracker takes for silence
    Speeches perhaps_;  // what lies within one of them it does not
};

}  // namespace presence::simulation
