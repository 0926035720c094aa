#pragma once

#include <poll.h>

#include <span>

#include "common/io/background_thread.hpp"
#include "common/time.hpp"

namespace presence::notifier {

// Ends the waits of a sink: one thread waits, another stops it, for good.
class Interrupt {
public:
    void stop() { stopped_.ring(); }  // and never quiet again

    enum class Woken { ready, timeout, stopped };
    // Waits for `events` (of poll(2)) on `fd`, or with fd -1 for the time alone.
    [[nodiscard]] Woken wait(int fd, short events, Instant until = Instant::max()) const;

    // The same for several, whose `revents` it sets; as many as kFdsMax.
    static constexpr std::size_t kFdsMax = 4;
    [[nodiscard]] Woken wait(std::span<pollfd> fds, Instant until) const;

    // Readable once stopped, for a library that waits by itself.
    [[nodiscard]] int fd() const { return stopped_.fd(); }

private:
    io::Bell stopped_;
};

}  // namespace presence::notifier
