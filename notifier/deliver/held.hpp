#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/follow/ledger.hpp"
#include "common/slots.hpp"
#include "common/time.hpp"
#include "notifier/deliver/sink_state.hpp"

namespace presence::notifier {

// Keeps offlines back for `delay`. Of a user who is back by then the sink is told nothing, or only
// a new status; of one who is not, that they are offline.
//
// The delay is counted on a clock of each tracker, which runs only while all that the tracker says
// is taken in: who is back may be in what was missed, and unknown is not offline. An offline is
// held for `delay` of that at least, over restarts too.
//
// Pure. Times never go back.
class Held {
public:
    // What one turn adds to a clock at most: a tracker that says nothing for so long is not heard.
    static constexpr Duration kTurnMax = 3s;

    Held(Duration delay, const std::vector<std::string>& trackers, const SlotMap& map);

    // What came of a user, in order. Holds it or lets go of what is held of them; says in `told`
    // whether it is to be told now.
    void on_change(Change& change);
    // They are told now how they are.
    void forget(const std::string& user, Slot slot);
    // `heard`: all that the tracker said until now is taken in.
    void turn(std::size_t tracker, Instant now, bool heard);

    [[nodiscard]] bool is_due() const;
    [[nodiscard]] std::vector<Change> take_due();
    // When the next is due whose clock runs.
    [[nodiscard]] Instant next_wakeup() const;

    // Some of the tracker's.
    [[nodiscard]] bool any(std::size_t tracker) const { return !queues_[tracker].empty(); }
    [[nodiscard]] std::int64_t clock_ms(std::size_t tracker) const {
        return clocks_[tracker].time / 1ms;
    }
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] std::uint64_t returned() const { return returned_; }

    // What is to be kept: those held since the last call, and all of a shard.
    [[nodiscard]] std::vector<HeldOffline> take_new();
    [[nodiscard]] std::vector<HeldOffline> of_shard(std::uint32_t shard) const;
    // As it was kept. The clocks come last; if one is missing all of its tracker begin anew.
    void restore(HeldOffline held) { put(std::move(held)); }
    void restore_clock(std::size_t tracker, std::optional<std::int64_t> clock_ms);

private:
    struct Clock {
        Duration time{};
        Instant turned = Instant::min();
        bool runs = false;
    };
    using Users = std::map<std::string, HeldOffline, std::less<>>;

    void put(HeldOffline held);
    [[nodiscard]] bool is_due(std::size_t tracker) const;

    Duration delay_;
    std::array<std::uint16_t, kSlots> tracker_of_{};
    std::vector<Clock> clocks_;                                           // by tracker
    std::vector<std::set<std::pair<std::int64_t, std::string>>> queues_;  // since when, who
    std::array<Users, kShards> shards_;
    std::vector<std::string> new_;  // some may be held no more
    std::uint64_t size_ = 0;
    std::uint64_t returned_ = 0;
};

}  // namespace presence::notifier
