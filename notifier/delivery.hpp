#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/event.hpp"
#include "common/time.hpp"
#include "notifier/follower.hpp"

namespace presence::notifier {

// What one sink still has to be told. One object per sink, so that none waits for another.
//
// Each event is handed out until it is confirmed, at least once and in order per user. More than
// `queue_max` waiting: the queue is given up and, once the sink is free again, it is told the
// difference between what it was last told (the ledger) and what is true then: memory stays bounded
// by queue_max and the number of users online.
//
// Pure.
class Delivery {
public:
    struct Options {
        std::size_t queue_max = 100'000;
        std::size_t chunk_max = 1'000;  // events handed out at once
        Duration backoff_first =
            100ms;  // after a failure: full jitter, uniform in [0, min(max, first * 2^n))
        Duration backoff_max = 10s;
    };
    Delivery(Options options, std::uint64_t seed);

    void on_event(const Event& event);

    // The next events to tell, or nothing while some are unconfirmed, a backoff runs, or none
    // wait. `truth` is asked when the sink has to be brought up to date.
    [[nodiscard]] std::vector<Event> next(Instant now, WallOffset wall, const Follower& truth);
    // The events last handed out were taken by the sink.
    void on_delivered();
    // They were not, or not surely: they are handed out again, the same, after a backoff.
    void on_failed(Instant now);

    [[nodiscard]] Instant next_wakeup() const;

    struct Stats {
        std::uint64_t delivered = 0, failures = 0, overflows = 0, given_up = 0;
        std::uint64_t waiting = 0;
        bool behind = false;  // to be brought up to date by comparison
    };
    [[nodiscard]] Stats stats() const;
    [[nodiscard]] bool idle() const;

private:
    struct Told {
        Epoch epoch;
        std::uint64_t seq;
        Slot slot;
    };
    Options options_;
    std::uint64_t seed_;
    std::vector<Event> queue_;
    std::size_t taken_ = 0;
    std::vector<Event> unconfirmed_;
    bool outstanding_ = false;
    bool behind_ = false;
    int failures_in_row_ = 0;
    Instant not_before_{};
    std::unordered_map<std::string, Told> online_;  // the ledger: whom the sink was told online
    Stats stats_;
};

}  // namespace presence::notifier
