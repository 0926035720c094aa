#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "common/bugs.hpp"
#include "common/time.hpp"

namespace presence::collector {

// Whether heartbeats may be read: only while some tracker vouches for this collector. A tracker
// gives up a collector that it has not heard for the grace, and a ttl later tells those offline
// whom nobody else has heard. So whoever cannot be sure to be heard must not swallow heartbeats: it
// reads none, and if that lasts closes its input, so that edges turn to another collector or keep
// what they have.
//
// A lease both ways (Gray and Cheriton, "Leases", 1989): it counts from when we sent what the
// tracker has heard, by our own clock, so it ends before the tracker's patience does. It begins
// with the first word: the run before may have been given up.
//
// And it waits for trackers that are behind, so that edges feel it, turn elsewhere, or keep the
// newest of what they have: to take in more than trackers apply would cost us what they lack. No
// longer than kBehindMax at a time: a tracker that needs longer for what waits is as one that is
// away, and may not keep heartbeats from being read.
//
// Pure. Times never go back.
class ReadLease {
public:
    enum class State { waiting, open, closed };
    // How long it waits with what has come before it closes, and loses that.
    static constexpr Duration kPatience = 1s;
    // At its start, when perhaps all begin together, and a tracker reads its journal first.
    static constexpr Duration kFirstPatience = 5s;
    static constexpr Duration kBehindMax = 1s;
    static constexpr Duration kFirstPauses = 2s;  // of an edge that was cut off, two at most
    static constexpr Duration kConnecting = 2s;   // and saying something

    // `lease`: how long a tracker's word holds; Duration::max(): none is needed. `reconnect_max`:
    // the longest pause of an edge between two tries to connect.
    ReadLease(Duration lease, Duration reconnect_max)
        : lease_(lease), reconnect_max_(reconnect_max) {}

    // `behind`: each tracker that takes anything has enough to do.
    void begin_turn(Instant now, bool behind = false) {
        if (!behind) behind_since_.reset();
        if (behind && !behind_since_) behind_since_ = now;
        held_ = behind && now - *behind_since_ < kBehindMax;
        if (!since_) since_ = read_last_ = now;
        const bool vouched = lease_ == Duration::max() || (vouched_ && now - *vouched_ < lease_);
        if (vouched || bug(Bug::isolated_reads_on)) {
            patience_ = kPatience;
            if (state_ == State::closed && !closed_since_) closed_since_ = since_;
            if (!held_) unread_since_ = std::exchange(read_last_, now);
            state_ = State::open;
        } else if (state_ == State::open) {
            state_ = State::waiting;
            since_ = now;
        } else if (state_ == State::waiting && now - *since_ >= patience_) {
            state_ = State::closed;
            since_ = now;
        }
    }
    // A tracker has heard what was sent at `at`: it will not give this collector up for the grace.
    void vouch(Instant at) { vouched_ = vouched_ ? std::max(*vouched_, at) : at; }

    [[nodiscard]] State state() const { return waits_for_trackers() ? State::waiting : state_; }
    [[nodiscard]] bool waits_for_trackers() const { return held_ && state_ == State::open; }
    // When it was open last before this turn, in which it is.
    [[nodiscard]] Instant unread_since() const { return unread_since_; }
    // It was closed, and edges can connect again from `now` on: until when they may still be about
    // to. Their pauses double, so none is longer than the time it was closed and the first two.
    [[nodiscard]] Instant on_opened(Instant now) {
        const auto closed = now - std::exchange(closed_since_, std::nullopt).value_or(now);
        return now + std::min(closed + kFirstPauses, reconnect_max_) + kConnecting;
    }

private:
    Duration lease_;
    Duration reconnect_max_;
    Duration patience_ = std::min(lease_, kFirstPatience);
    std::optional<Instant> vouched_;
    State state_ = State::waiting;
    std::optional<Instant> since_;         // waiting, or closed
    Instant read_last_{};                  // open in the turn of then
    Instant unread_since_{};               // the one before
    std::optional<Instant> closed_since_;  // until edges can connect again
    std::optional<Instant> behind_since_;
    bool held_ = false;  // as trackers are behind
};

}  // namespace presence::collector
