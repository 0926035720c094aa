#pragma once

#include <poll.h>

#include <span>

#include "common/time.hpp"
#include "notifier/sinks/fd.hpp"

namespace presence::notifier {

// Ends the waits of a sink: one thread waits, another stops it, for good.
class Interrupt {
public:
    Interrupt();

    void stop();

    enum class Woken { ready, timeout, stopped };
    // Waits for `events` (of poll(2)) on `fd`, or with fd -1 for the time alone.
    [[nodiscard]] Woken wait(int fd, short events, Instant until = Instant::max()) const;

    // The same for several, whose `revents` it sets; as many as kFdsMax.
    static constexpr std::size_t kFdsMax = 4;
    [[nodiscard]] Woken wait(std::span<pollfd> fds, Instant until) const;

    // Readable once stopped, for a library that waits by itself.
    [[nodiscard]] int fd() const { return stopped_.get(); }

private:
    Fd stopped_;
};

// Milliseconds from now to `until` as poll(2) takes them: rounded up, -1 for never.
[[nodiscard]] int poll_timeout(Instant until);

}  // namespace presence::notifier
