#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/event.hpp"
#include "common/time.hpp"
#include "notifier/backoff.hpp"
#include "notifier/follower.hpp"

namespace presence::notifier {

// What one sink still has to be told. One object per sink, so that none waits for another.
//
// Each event is handed out until it is confirmed, at least once and in order per user. With
// `queue_max` waiting, what comes after is not kept; once the sink has been told what waits, it is
// told the difference between what it knows (the ledger) and what is true then. So memory stays
// bounded by queue_max and the number of users online, and the sink ends in the truth.
//
// Pure. Requires: every event that `truth` has handed out was given to on_event before next().
class Delivery {
public:
    struct Options {
        std::size_t queue_max = 100'000;
        std::size_t chunk_max = 5'000;   // events handed out at once
        Duration backoff_first = 100ms;  // after a failure; see Backoff
        Duration backoff_max = 10s;
    };
    Delivery(Options options, std::uint64_t seed);

    void on_event(const Event& event);

    // The next events to tell, or nothing while some are unconfirmed, a backoff runs, or none
    // wait. `truth` is asked when the sink has to be brought up to date.
    [[nodiscard]] std::vector<Event> next(Instant now, const Follower& truth);
    // The events last handed out were taken by the sink.
    void on_delivered();
    // They were not, or not surely: they are handed out again, the same, after a backoff, and not
    // before `retry_after` is over.
    void on_failed(Instant now, Duration retry_after = {});

    // When next() has something to hand out, should nothing else happen.
    [[nodiscard]] Instant next_wakeup() const;

    struct Stats {
        std::uint64_t delivered = 0;
        std::uint64_t failures = 0;
        std::uint64_t overflows = 0;
        std::uint64_t given_up = 0;  // events not kept: the comparison told their outcome
        std::uint64_t waiting = 0;
        bool behind = false;  // to be brought up to date by comparison
    };
    [[nodiscard]] Stats stats() const;
    // All has been told and confirmed.
    [[nodiscard]] bool idle() const;

private:
    // A user whom the sink knows to be online once it has been told what waits, and the newest
    // event of theirs, given up or not.
    struct Told {
        std::uint64_t status = 0;  // hash; 0: none
        Slot slot = 0;
        std::uint32_t seen = 0;  // number of the comparison that found them still online
        Epoch epoch = 0;
        std::uint64_t seq = 0;
        std::int64_t at_ms = 0;
    };
    void enqueue(Event event);
    static Event offline_difference(const std::string& user, const Told& told);
    void compare(const Follower& truth);

    Options options_;
    Backoff backoff_;
    std::deque<Event> queue_;
    std::vector<Event> unconfirmed_;
    bool outstanding_ = false;  // unconfirmed_ is at the sink
    bool behind_ = false;
    std::uint32_t comparison_ = 0;
    Instant not_before_{};
    std::unordered_map<std::string, Told> online_;
    Stats stats_;
};

}  // namespace presence::notifier
