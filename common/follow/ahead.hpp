#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "common/follow/follower.hpp"

namespace presence {

// Batches that came while those before them are asked for. There is no gap between them.
// Pure. Holds little more than `events_max` events, whatever comes.
class Ahead {
public:
    explicit Ahead(std::size_t events_max) : events_max_(events_max) {}

    // False if there is no room. What came before a gap is let go: it is among what is asked for.
    [[nodiscard]] bool keep(const Batch& batch) {
        if (!batches_.empty() && cursor_of(batch) != after(batches_.back())) clear();
        if (events_ >= events_max_) return false;
        events_ += events_of(batch);
        batches_.push_back(batch);
        return true;
    }
    [[nodiscard]] bool ends_at(Cursor at) const {
        return !batches_.empty() && cursor_of(batches_.back()) == at;
    }
    // Null: none.
    [[nodiscard]] const Batch* first() const {
        return batches_.empty() ? nullptr : &batches_.front();
    }
    // Requires: there is one.
    void drop_first() {
        events_ -= events_of(batches_.front());
        batches_.pop_front();
    }
    void clear() {
        batches_.clear();
        events_ = 0;
    }

private:
    static Cursor after(const Batch& batch) { return {batch.boot, batch.number + 1}; }
    static std::size_t events_of(const Batch& batch) {
        std::size_t sum = 0;
        for (const auto& run : batch.slots)
            sum += run.events.size();
        return sum;
    }

    std::size_t events_max_;
    std::size_t events_ = 0;
    std::deque<Batch> batches_;
};

}  // namespace presence
