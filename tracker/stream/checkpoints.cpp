#include "tracker/stream/checkpoints.hpp"

#include <algorithm>

namespace presence::tracker {

void Checkpoints::on_change(Slot slot) {
    if (is_changed_[slot]) return;
    is_changed_[slot] = true;
    changed_.push_back(slot);
}

std::optional<Slot> Checkpoints::next(Instant now) const {
    if (changed_.empty() || (paid_at_ && now < *paid_at_ + pause())) return std::nullopt;
    return changed_.front();
}

// After the last state.
Duration Checkpoints::pause() const {
    if (owed_ > kOwedMax) return {};
    if (paid_ * (kRepayment / kInterval) >= owed_) return kInterval;
    return kRepayment * paid_ / owed_;
}

void Checkpoints::on_written(Slot slot, std::size_t bytes, Instant now) {
    is_changed_[slot] = false;
    std::erase(changed_, slot);
    // What is written beyond the debt is no credit: a quiet time must not delay the next storm's.
    paid_ = kBatchBytes * static_cast<std::int64_t>(bytes);
    paid_at_ = now;
    owed_ = std::max<std::int64_t>(owed_ - paid_, 0);
}

std::vector<Slot> Checkpoints::unchanged() {
    std::vector<Slot> slots;
    for (std::size_t n = 0; n < kRefreshed; ++n) {
        const auto slot = static_cast<Slot>(next_unchanged_);
        next_unchanged_ = (next_unchanged_ + 1) % kSlots;
        if (!is_changed_[slot]) slots.push_back(slot);
    }
    return slots;
}

}  // namespace presence::tracker
