#pragma once

#include <optional>

#include "common/time.hpp"

namespace presence::collector {

// Up to when everything that was read has been handed to the links.
//
// It advances only in turns that found the input empty, to the time before their first read. After
// a stall the kernel, or the edges, may still hold what came meanwhile, so that an input that looks
// empty proves nothing for a while.
class Watermark {
public:
    static constexpr Duration kStall = 250ms;  // longest time between two calls that is none
    static constexpr Duration kHold = 1s;

    void begin_turn(Instant now) {
        observe(now);
        began_ = now;
    }
    void end_turn(Instant now, bool drained) {
        observe(now);
        if (drained && now >= held_until_) value_ = began_;
    }
    [[nodiscard]] Instant value() const { return value_; }

private:
    void observe(Instant now) {
        if (observed_ && now - *observed_ > kStall) held_until_ = now + kHold;
        observed_ = now;
    }

    std::optional<Instant> observed_;
    Instant began_{};
    Instant held_until_{};
    Instant value_{};
};

}  // namespace presence::collector
