#pragma once

#include <cstdint>
#include <optional>

#include "common/time.hpp"

namespace presence::collector {

// Shows up to when what comes to the input has been moved into its socket. libzmq does that in a
// thread of its own, which may stand still while our loop turns: the socket is empty then, and
// heartbeats wait in the kernel. A probe is a message to ourselves through that thread. Once it is
// back, what had come before it was sent is in the socket, save what came in the millisecond
// before, or waits behind more than the thread reads of one connection at once (8 KiB).
//
// One is under way at a time. One that is not back after kAgain is sent again, as it may be lost.
//
// Pure. Times never go back.
class InputProbe {
public:
    static constexpr Duration kInterval = 20ms;
    static constexpr Duration kAgain = 1s;

    // What to send at the end of the turn that began at `began`, if anything.
    [[nodiscard]] std::optional<std::uint64_t> due(Instant began) {
        if (began - sent_ < (under_way_ ? kAgain : kInterval)) return std::nullopt;
        if (!under_way_) {
            ++number_;
            asked_ = began;
        }
        under_way_ = true;
        sent_ = began;
        return number_;
    }
    // It came back. Returns the time up to which all that came is in the socket, if that is news.
    [[nodiscard]] std::optional<Instant> on_back(std::uint64_t number) {
        if (!under_way_ || number != number_) return std::nullopt;
        under_way_ = false;
        return asked_;
    }
    // How long the one under way has been.
    [[nodiscard]] Duration waiting(Instant now) const {
        return under_way_ ? now - asked_ : Duration{0};
    }

private:
    std::uint64_t number_ = 0;
    Instant asked_{};
    Instant sent_{};
    bool under_way_ = false;
};

}  // namespace presence::collector
