#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/io/program.hpp"
#include "common/throttle.hpp"
#include "common/time.hpp"
#include "tracker/disk/journal.hpp"
#include "tracker/stream/commit_gate.hpp"
#include "tracker/tracker.hpp"

namespace presence::tracker {

// What of a tracker outlives the process, and the rule that nothing is told before it is written:
// between the core's outputs and the sockets. With durability "off" it keeps nothing and holds back
// nothing.
class Persistence {
public:
    // The limit of bytes on their way to the disk. Above it the tracker applies no frames;
    // collectors keep them, the newest heartbeat of each session.
    static constexpr std::size_t kWaitingBytesMax = 64u << 20;

    // Throws io::StoreError: the directory cannot be used.
    Persistence(const io::Program& program, const TrackerConfig& own);

    [[nodiscard]] bool on() const { return store_ != nullptr || journal_ != nullptr; }
    // Collectors that an earlier run knew.
    [[nodiscard]] std::vector<std::string> collectors() const;
    // Gives what an earlier run left to a new tracker, and begins its run. Throws io::StoreError:
    // some of it cannot be read.
    void begin(Tracker& tracker);

    // Takes a turn's output, and moves what may be sent now to `ready`.
    void take(Output& turn, Output& ready);
    // What was written meanwhile: moves what waited for it to `ready`, and tells the tracker how
    // writing goes. Throws io::StoreError: nothing can be written any more before a new start.
    void turn(Tracker& tracker, Output& ready);
    [[nodiscard]] bool full() const { return waiting_bytes() > kWaitingBytesMax; }
    // Readable when there is something for turn(); -1: never.
    [[nodiscard]] int fd() const { return journal_ ? journal_->fd() : -1; }

    // Writes what waits, for at most `within`, and moves what was written to `ready`.
    void stop(Duration within, Output& ready);

private:
    static constexpr Duration kTellFailure = 10s;  // as long as it lasts

    [[nodiscard]] std::size_t waiting_bytes() const;
    void tell_failure(const std::optional<std::string>& failure);
    static std::variant<ReplayAnswer, QueryError> found_in(Journal::Reply& reply);

    bool resume_;
    std::string data_;
    std::unique_ptr<io::Store> store_;  // until begin()
    std::unique_ptr<Journal> journal_;
    std::uint64_t boot_ = 0;
    CommitGate commit_gate_;
    std::vector<Replay> refused_;  // of this turn
    std::uint64_t replays_refused_ = 0;
    std::optional<std::string> failure_;
    Instant failing_since_{};
    Throttle tell_failure_{kTellFailure};
};

}  // namespace presence::tracker
