#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "tests/simulation/scheduler.hpp"

namespace presence::simulation {

// What happened, a line each: true time in seconds, the process, what. For people who explain a
// failure; costs one test where it is off.
class Trace {
public:
    Trace(bool on, std::string only_user) : on_(on), only_user_(std::move(only_user)) {}

    [[nodiscard]] bool on() const { return on_; }
    // About the whole process.
    void line(Time now, std::string_view who, std::string_view what) const {
        if (on_) print(now, who, what);
    }
    // About traffic: left out when one user is followed.
    void traffic(Time now, std::string_view who, std::string_view what) const {
        if (on_ && only_user_.empty()) print(now, who, what);
    }
    [[nodiscard]] bool follows(std::string_view user) const {
        return on_ && (only_user_.empty() || only_user_ == user);
    }

private:
    static void print(Time now, std::string_view who, std::string_view what) {
        std::printf("%12.6f %-10.*s %.*s\n", static_cast<double>(now) / 1e6,
                    static_cast<int>(who.size()), who.data(), static_cast<int>(what.size()),
                    what.data());
    }

    bool on_;
    std::string only_user_;
};

}  // namespace presence::simulation
