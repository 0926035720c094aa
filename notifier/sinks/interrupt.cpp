#include "notifier/sinks/interrupt.hpp"

#include <algorithm>
#include <array>

#include "common/check.hpp"
#include "common/io/clock.hpp"

namespace presence::notifier {

Interrupt::Woken Interrupt::wait(int fd, short events, Instant until) const {
    pollfd one{fd, events, 0};
    return wait({&one, 1}, until);
}

Interrupt::Woken Interrupt::wait(std::span<pollfd> fds, Instant until) const {
    std::array<pollfd, kFdsMax + 1> all{{{stopped_.fd(), POLLIN, 0}}};
    PRESENCE_CHECK(fds.size() <= kFdsMax, "too many to wait for");
    for (;;) {
        std::copy(fds.begin(), fds.end(), all.begin() + 1);
        const int ready = ::poll(all.data(), fds.size() + 1, io::poll_timeout(until));
        std::copy_n(all.begin() + 1, fds.size(), fds.begin());
        if (all[0].revents != 0) return Woken::stopped;
        if (ready > 0) return Woken::ready;
        if (ready == 0 && io::now() >= until) return Woken::timeout;
    }
}

}  // namespace presence::notifier
