#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "common/bugs.hpp"
#include "common/time.hpp"

namespace presence::collector {

// Up to when everything that was read has been handed to the links.
//
// It begins before the input is open: nothing came earlier. It advances only in turns that
// found the input empty, to the time before their first read, and not beyond what a probe has shown
// to be in the input (InputProbe). After a stall, of this loop or of what feeds the input, the
// kernel, or the edges, may still hold what came meanwhile, so that an input that looks empty
// proves nothing for a while.
class InputWatermark {
public:
    static constexpr Duration kStall = 250ms;  // longest time between two calls that is none
    static constexpr Duration kHold = 1s;
    // By then edges have left a collector that does not answer (docs/protocol.md, "An edge"), or
    // found no room in it for as long, and may have had to give up heartbeats.
    static constexpr Duration kAbandoned = 2s;

    // `probed`: only what on_moved() tells of is known to be in the input.
    InputWatermark(Instant began, bool probed)
        : moved_(probed ? began : Instant::max()), value_(began) {}

    void begin_turn(Instant now) {
        observe(now);
        began_ = now;
    }
    // `drained`: the input was found empty. `full`: it may hold more.
    void end_turn(Instant now, bool drained, bool full = false) {
        observe(now);
        note_full(full);
        const bool empty = drained || bug(Bug::watermark_before_drain);
        if (!empty || now < held_until_) return;
        value_ =
            bug(Bug::input_stall_ignored) ? began_ : std::max(value_, std::min(began_, moved_));
    }
    // What had come by `asked` is in the input; but within the caution after a stall a probe may
    // overtake what the kernel still holds.
    void on_moved(Instant asked, Instant now) {
        note_stall(now, now - asked);
        if (asked >= held_until_) moved_ = asked;
    }
    [[nodiscard]] Instant value() const { return value_; }
    // What came while nothing was read may not have been moved into the socket yet.
    void on_resumed(Instant now, Instant unread_since) {
        if (now - unread_since > kStall) held_until_ = std::max(held_until_, now + kHold);
    }
    // The input was closed, and those who sent to it may need until then to come back.
    void on_reopened(Instant until) {
        held_until_ = std::max(held_until_, until);
        abandoned_ = true;
    }
    // True once after a stall, a closed input, or one that was full, in which heartbeats may have
    // been lost before they were read.
    [[nodiscard]] bool take_abandoned() { return std::exchange(abandoned_, false); }

private:
    void note_full(bool full) {
        if (!full && full_since_ < began_ - kAbandoned) abandoned_ = true;
        full_since_ = full ? std::min(full_since_, began_) : Instant::max();
    }
    void observe(Instant now) {
        note_stall(now, now - observed_.value_or(now));
        observed_ = now;
    }
    void note_stall(Instant now, Duration length) {
        if (length > kStall && !bug(Bug::stall_forgotten))
            held_until_ = std::max(held_until_, now + kHold);
        if (length > kAbandoned) abandoned_ = true;
    }

    std::optional<Instant> observed_;
    Instant began_{};
    Instant full_since_ = Instant::max();  // the input
    Instant held_until_{};
    Instant moved_;
    Instant value_;
    bool abandoned_ = false;
};

}  // namespace presence::collector
