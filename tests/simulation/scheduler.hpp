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
        queue_.push(Entry{time < now_ ? now_ : time, order_++, std::move(fn)});
    }
    void after(Time delay, std::function<void()> fn) { at(now_ + delay, std::move(fn)); }

    // Runs the next entry; false if none is left before `end`.
    bool step(Time end) {
        if (queue_.empty() || queue_.top().time >= end) return false;
        const auto fn = std::move(const_cast<Entry&>(queue_.top()).fn);
        now_ = queue_.top().time;
        queue_.pop();
        fn();
        return true;
    }

private:
    struct Entry {
        Time time;
        std::uint64_t order;
        std::function<void()> fn;

        bool operator<(const Entry& other) const {
            return time != other.time ? time > other.time : order > other.order;
        }
    };
    std::priority_queue<Entry> queue_;
    Time now_ = 0;
    std::uint64_t order_ = 0;
};

}  // namespace presence::simulation
