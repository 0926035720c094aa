#pragma once

#include <optional>
#include <utility>

#include "common/clocks/offset_filter.hpp"

namespace presence {

// Maps the monotonic clock of a peer to ours, as an interval that surely holds the truth.
// Two bounds, as in interval clock synchronisation (Marzullo and Owicki, 1983): a message of the
// peer gives an upper one (it cannot have been sent after it came), our own stamp that the peer
// echoes a lower one (it cannot have been received before it was sent).
//
// What must not be early (a heartbeat's time) is mapped by `latest`, what must not be late (a
// watermark) by `earliest`; so asymmetric delays cost lateness, never truth. A clock that jumps, or
// stands still while its virtual machine is paused, makes the bounds cross, if by more than a
// message takes both ways; by less it is not noticed, and times are off by as much. For that the
// bounds of before a silence, however long, count as well, loosened.
//
// Requires: `sent` stamps are read before the act of sending, `received` ones after receiving.
class ClockMap {
public:
    void on_message(Instant received, PeerInstant sent) {
        upper_.sample(received, Duration{micros(received) - micros(sent)});
        restart_if_crossed(received);
    }

    // The peer read our stamp `sent` at its own time `received`.
    void on_echo(Instant now, Instant sent, PeerInstant received) {
        // The peer's clock may have drifted since it read the stamp.
        const Duration drift = OffsetFilter::drift(now - sent);
        lower_.sample(now, Duration{micros(received) - micros(sent)} + drift);
        restart_if_crossed(now);
    }

    // A clock that is slewed, as by chrony, makes the bounds cross again and again, by little.
    static constexpr Duration kJump{100'000};
    // True once after one of the clocks was seen to have jumped, or stood still, by more than that:
    // what was mapped shortly before may be off by as much.
    [[nodiscard]] bool take_jump() { return std::exchange(jumped_, false); }

    // Our time at the peer's `t`, never early. Nothing before the first message.
    [[nodiscard]] std::optional<Instant> latest(Instant now, PeerInstant t) const {
        const auto offset = upper_.value(now);
        if (!offset) return std::nullopt;
        const Instant mapped{t.time_since_epoch() + *offset};
        return mapped + drift_since(mapped, now);
    }

    // Our time at the peer's `t`, never late. Nothing before the first echo.
    [[nodiscard]] std::optional<Instant> earliest(Instant now, PeerInstant t) const {
        const auto offset = lower_.value(now);
        if (!offset) return std::nullopt;
        const Instant mapped{t.time_since_epoch() - *offset};
        return mapped - drift_since(mapped, now);
    }

private:
    // The offset is that of now; at an older stamp it may have been another.
    static Duration drift_since(Instant t, Instant now) {
        return t < now ? OffsetFilter::drift(now - t) : Duration{0};
    }

    // A bound that is not forgotten with the window.
    struct Lasting {
        Instant at{};
        std::optional<Duration> difference;

        void take(Instant now, std::optional<Duration> newest) {
            if (difference) difference = *difference + OffsetFilter::drift(now - at);
            if (newest && (!difference || *newest < *difference)) difference = newest;
            at = now;
        }
    };

    // The truth lies between the bounds, so bounds that cross mean that a clock jumped (a virtual
    // machine was paused, say): neither is to be believed.
    void restart_if_crossed(Instant now) {
        lasting_upper_.take(now, upper_.value(now));
        lasting_lower_.take(now, lower_.value(now));
        if (!lasting_upper_.difference || !lasting_lower_.difference) return;
        const Duration apart = *lasting_upper_.difference + *lasting_lower_.difference;
        if (apart >= Duration{0}) return;
        jumped_ |= apart < -kJump;
        upper_.reset();
        lower_.reset();
        lasting_upper_ = lasting_lower_ = {};
    }

    Lasting lasting_upper_;
    Lasting lasting_lower_;
    OffsetFilter upper_;
    OffsetFilter lower_;
    bool jumped_ = false;
};

}  // namespace presence
