#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "common/wire/heartbeat.hpp"

namespace presence::cli {

// A handful of users who come, beat and leave, some with a goodbye and some by falling silent, so
// that whoever tries the pipeline out sees transitions within seconds.
//
// Pure; the same seed and times give the same users.
class Demo {
public:
    Demo(Instant now, std::uint64_t seed);

    // The heartbeats that are due. Views into names that live as long as the program.
    [[nodiscard]] std::vector<Heartbeat> due(Instant now);
    [[nodiscard]] Instant next_wakeup() const { return next_; }

    static constexpr Duration kInterval = 500ms;

private:
    struct Person {
        std::string_view name;
        bool online = false;
        Instant change_at{};
    };
    Duration between(Duration low, Duration high);

    std::vector<Person> people_;
    std::minstd_rand random_;
    Instant next_;
};

}  // namespace presence::cli
