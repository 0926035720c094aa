#pragma once

#include <cstdint>
#include <string>

#include "common/config.hpp"
#include "common/time.hpp"
#include "notifier/delivery.hpp"
#include "notifier/follower.hpp"
#include "notifier/sinks/worker.hpp"

namespace presence::notifier {

// One sink and what it still has to be told: carries chunks from its Delivery to its Worker, and
// tells the log how the sink fares, seldom enough that a sink which is down cannot flood it.
class Channel {
public:
    static constexpr Duration kTellInterval = 10s;  // of one sink's troubles
    static constexpr Duration kSlow = 10s;          // a chunk under way for longer is worth a line

    explicit Channel(const SinkConfig& config);

    void on_event(const Event& event) { delivery_.on_event(event); }
    // Takes the outcome of the last chunk, gives the next.
    void turn(Instant now, const Follower& truth);
    // A sink that was gone is tried again.
    void reopen();

    [[nodiscard]] int fd() const { return worker_.fd(); }
    [[nodiscard]] Instant next_wakeup() const;
    [[nodiscard]] bool idle() const { return delivery_.idle(); }
    // The sink wants nothing more: nothing is given to it until reopen().
    [[nodiscard]] bool gone() const { return gone_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] Delivery::Stats stats() const { return delivery_.stats(); }

    // Nothing more is given; what is under way may still be taken.
    void stop(Instant deadline) { worker_.stop(deadline); }
    [[nodiscard]] bool ended(Instant now);

private:
    void on_outcome(const Worker::Outcome& outcome, Instant now);
    void tell_state(Instant now);

    std::string name_;
    Delivery delivery_;
    Worker worker_;
    bool under_way_ = false;
    bool gone_ = false;
    Instant given_{};
    std::uint64_t failures_in_row_ = 0;
    bool told_behind_ = false;
    Instant tell_failure_at_{};
    Instant tell_slow_at_{};
};

}  // namespace presence::notifier
