#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/slots.hpp"
#include "common/time.hpp"

namespace presence::tracker {

// Decides when which slot's state is written anew, so that a restart has little to read: the slot
// that has changed for the longest time first, one each kInterval, and beyond that a byte of states
// for each kBatchBytes of batches. That is owed, and paid back within some kRepayment, so that a
// storm's states do not cost its heartbeats; beyond kOwedMax at once. So what lies after the oldest
// state is never much more than kBatchBytes times the states themselves and kOwedMax, however many
// transitions there are, and an idle tracker writes nothing.
//
// Pure.
class Checkpoints {
public:
    static constexpr Duration kInterval = 100ms;
    static constexpr std::size_t kRefreshed = 16;
    static constexpr std::int64_t kBatchBytes = 2;
    static constexpr Duration kRepayment = 16s;
    static constexpr std::int64_t kOwedMax = std::int64_t{64} << 20;  // of batches

    void on_change(Slot slot);
    // So many bytes of batches were written.
    void on_bytes(std::size_t bytes) { owed_ += static_cast<std::int64_t>(bytes); }
    // The slot whose state is to be written now. Ask again after on_written().
    [[nodiscard]] std::optional<Slot> next(Instant now) const;
    void on_written(Slot slot, std::size_t bytes, Instant now);
    // Slots that have not changed since their states were written, kRefreshed at a time in turn: to
    // say so keeps the journal from growing for their sake.
    [[nodiscard]] std::vector<Slot> unchanged();

private:
    [[nodiscard]] Duration pause() const;

    std::deque<Slot> changed_;  // the longest since first
    std::array<bool, kSlots> is_changed_{};
    std::size_t next_unchanged_ = 0;
    std::int64_t owed_ = 0;  // bytes of batches that no state answers yet
    std::int64_t paid_ = 0;  // by the last state
    std::optional<Instant> paid_at_;
};

}  // namespace presence::tracker
