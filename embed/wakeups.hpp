#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "common/time.hpp"

namespace presence::embed {

// One descriptor for all that a manager waits for: a timer, a stop from elsewhere, watched files.
// And the clock: CLOCK_MONOTONIC, which stands still while the machine is suspended, as nobody can
// be heard then. Everything throws std::system_error if the system refuses.
class Wakeups {
public:
    Wakeups();
    ~Wakeups();
    Wakeups(const Wakeups&) = delete;
    Wakeups& operator=(const Wakeups&) = delete;

    // Since this was made, rounded down.
    [[nodiscard]] Instant now() const;
    [[nodiscard]] int fd() const { return epoll_; }

    // The descriptor becomes ready at `time`, or earlier: a timer is only ever moved forward.
    void wake_at(Instant time);
    // Waits until something is ready if `wait`; then calls what is watched and ready.
    void dispatch(bool wait);

    void watch(int fd, std::function<void()> on_readable);
    void unwatch(int fd);

    void stop() noexcept;
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }

private:
    void add(int fd);

    int epoll_ = -1, timer_ = -1, stop_ = -1;
    std::int64_t start_ns_ = 0;
    Instant armed_ = Instant::max();
    std::map<int, std::shared_ptr<std::function<void()>>> watched_;
    std::atomic<bool> stopped_ = false;
    static_assert(std::atomic<bool>::is_always_lock_free, "signal handlers use it");
};

}  // namespace presence::embed
