#pragma once

#include <algorithm>
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
// One is under way at a time, and one an interval; but when what was read waits for event time to
// pass it, as a bye does, they follow each other. One that is not back after kAgain is sent again,
// as it may be lost.
//
// Pure. Times never go back.
class InputProbe {
public:
    static constexpr Duration kInterval = 20ms;
    static constexpr Duration kAgain = 1s;
    static constexpr Duration kPassed = 3ms;  // beyond it, for what a tracker knows of our clock
    static constexpr Duration kTurn = 4ms;    // until then

    // What was read then waits for event time to pass it.
    void hurry(Instant read) { hurried_until_ = std::max(hurried_until_, read + kPassed); }
    // Nothing is read any more.
    void rest() { hurried_until_ = Instant{} - kInterval; }
    // What to send at the end of a turn, if anything. `now`: read after its last receive.
    [[nodiscard]] std::optional<std::uint64_t> due(Instant now) {
        looked_ = now;
        const bool hurried = asked_ < hurried_until_;
        const Duration pause = under_way_ ? kAgain : hurried ? Duration{0} : kInterval;
        if (now - sent_ < pause) return std::nullopt;
        if (!under_way_) {
            ++number_;
            asked_ = now;
        }
        under_way_ = true;
        sent_ = now;
        return number_;
    }
    // It came back. Returns the time up to which all that came is in the socket, if that is news.
    [[nodiscard]] std::optional<Instant> on_back(std::uint64_t number) {
        if (!under_way_ || number != number_) return std::nullopt;
        under_way_ = false;
        return asked_;
    }
    // When the next turn is wanted, which sees whether one is back.
    [[nodiscard]] Instant next_wakeup() const {
        return looked_ < hurried_until_ + kInterval ? looked_ + kTurn : Instant::max();
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
    Instant looked_{};
    Instant hurried_until_ = Instant{} - kInterval;
};

}  // namespace presence::collector
