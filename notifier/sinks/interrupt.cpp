#include "notifier/sinks/interrupt.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>

#include "common/check.hpp"
#include "common/io/clock.hpp"

namespace presence::notifier {

int poll_timeout(Instant until) {
    if (until == Instant::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - io::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max() / 2));
}

Interrupt::Interrupt() : stopped_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stopped_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Interrupt::stop() {
    (void)::eventfd_write(stopped_.get(), 1);  // never read: it stays ready
}

Interrupt::Woken Interrupt::wait(int fd, short events, Instant until) const {
    pollfd one{fd, events, 0};
    return wait({&one, 1}, until);
}

Interrupt::Woken Interrupt::wait(std::span<pollfd> fds, Instant until) const {
    std::array<pollfd, kFdsMax + 1> all{{{stopped_.get(), POLLIN, 0}}};
    PRESENCE_CHECK(fds.size() <= kFdsMax, "too many to wait for");
    for (;;) {
        std::copy(fds.begin(), fds.end(), all.begin() + 1);
        const int ready = ::poll(all.data(), fds.size() + 1, poll_timeout(until));
        std::copy_n(all.begin() + 1, fds.size(), fds.begin());
        if (all[0].revents != 0) return Woken::stopped;
        if (ready > 0) return Woken::ready;
        if (ready == 0 && io::now() >= until) return Woken::timeout;
    }
}

}  // namespace presence::notifier
