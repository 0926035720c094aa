#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/messages.hpp"
#include "tests/simulation/plan.hpp"

namespace presence::simulation {

// In some worlds users with more sessions than there is room for, the last of all users. Again and
// again one opens up to 24, on one edge or on several; the first of them fall silent or say bye,
// and some of the last beat on. With the world's faults, and until `shape.rest`.
class Crowd {
public:
    using Emit = std::function<void(std::size_t edge, Beat beat)>;
    Crowd(Scheduler& scheduler, Random random, const Shape& shape, Emit emit)
        : scheduler_(scheduler), random_(random), shape_(shape), emit_(std::move(emit)) {}

    void start();

private:
    struct Tab {
        std::size_t edge = 0;
        std::string session;
        Time ttl = 0;
        bool open = true;
    };
    struct User {
        std::size_t number = 0;
        unsigned opened = 0;
        unsigned rounds = 0;  // of heartbeats until most leave
        std::vector<Tab> tabs;
    };
    void open(User& user);
    void step(User& user);
    void leave(User& user);
    void beat(const User& user, const Tab& tab, bool bye = false);

    Scheduler& scheduler_;
    Random random_;
    const Shape& shape_;
    Emit emit_;
    std::vector<User> users_;
};

}  // namespace presence::simulation
