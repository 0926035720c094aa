#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/messages.hpp"
#include "tests/simulation/plan.hpp"

namespace presence::simulation {

// The users: each with one to three connections that beat, fall silent for about their ttl or
// longer, say bye and come back, move to another edge, tell statuses. From `shape.rest` on a user
// beats steadily on one connection or is silent.
class Load {
public:
    // `beat`: a client's heartbeat reaches its edge now.
    using Emit = std::function<void(std::size_t edge, Beat beat)>;
    // Whether clients can connect to it; who moves tries another if not.
    std::function<bool(std::size_t edge)> up = [](std::size_t) { return true; };
    Load(Scheduler& scheduler, Random random, const Shape& shape, Emit emit);

    void start();

private:
    enum class Naming { unnamed, fixed, fresh };
    struct User {
        Naming naming = Naming::unnamed;
        Time ttl = 0;
        bool steady = false;
        bool moves = false;  // to another edge when theirs is down
        unsigned opened = 0;
    };
    struct Connection {
        std::size_t user = 0;
        std::size_t index = 0;  // among the user's
        std::size_t edge = 0;
        std::string session;
        Time ttl = 0;
        Time interval = 0;
        bool open = false;
    };

    void open(Connection& connection);
    void step(Connection& connection);
    void touch_others(const Connection& left);
    void rest(Connection& connection);
    Time leave(Connection& connection, bool bye);
    void emit(const Connection& connection, bool bye, Time age = 0);
    void again(Connection& connection, Time delay);

    Scheduler& scheduler_;
    Random random_;
    const Shape& shape_;
    Emit emit_;
    std::vector<User> users_;
    std::vector<Connection> connections_;
};

}  // namespace presence::simulation
