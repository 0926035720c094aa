#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace presence::simulation {

// True time, in microseconds since the world began. No process can read it.
using Time = std::int64_t;
inline constexpr Time kMillisecond = 1'000;
inline constexpr Time kSecond = 1'000'000;
inline constexpr Time kNever = INT64_MAX / 4;

// What happens next, in true time; of one time, in the order in which it was asked for.
class Scheduler {
public:
    [[nodiscard]] Time now() const { return now_; }

    void at(Time time, std::function<void()> fn) {
        std::uint32_t place = 0;
        if (free_.empty()) {
            place = static_cast<std::uint32_t>(fns_.size());
            fns_.push_back(std::move(fn));
        } else {
            place = free_.back();
            free_.pop_back();
            fns_[place] = std::move(fn);
        }
        queue_.push(Entry{time < now_ ? now_ : time, order_++, place});
    }
    void after(Time delay, std::function<void()> fn) { at(now_ + delay, std::move(fn)); }

    // Runs the next entry; false if none is left before `end`.
    bool step(Time end) {
        if (queue_.empty() || queue_.top().time >= end) return false;
        const auto next = queue_.top();
        queue_.pop();
        now_ = next.time;
        const auto fn = std::move(fns_[next.place]);
        free_.push_back(next.place);
        fn();
        return true;
    }

private:
    struct Entry {
        Time time;
        std::uint64_t order;
        std::uint32_t place;  // of what to do, which is not moved as the queue is ordered

        bool operator<(const Entry& other) const {
            return time != other.time ? time > other.time : order > other.order;
        }
    };
    std::priority_queue<Entry> queue_;
    std::vector<std::function<void()>> fns_;
    std::vector<std::uint32_t> free_;
    Time now_ = 0;
    std::uint64_t order_ = 0;
};

}  // namespace presence::simulation
