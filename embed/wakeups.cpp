#include "embed/wakeups.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace presence::embed {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

int checked(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

std::int64_t clock_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * kSecond + t.tv_nsec;
}

void drain(int fd) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(fd, &count, sizeof count);  // nothing there: fine
}

void close_all(int a, int b, int c) {
    for (const int fd : {a, b, c})
        if (fd >= 0) ::close(fd);
}

}  // namespace

Wakeups::Wakeups() : start_ns_(clock_ns()) {
    try {
        epoll_ = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
        timer_ = checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                         "timerfd_create");
        stop_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
        add(timer_);
        add(stop_);
    } catch (...) {
        close_all(epoll_, timer_, stop_);
        throw;
    }
}

Wakeups::~Wakeups() {
    close_all(epoll_, timer_, stop_);
}

Instant Wakeups::now() const {
    return Instant(Duration((clock_ns() - start_ns_) / 1000));
}

void Wakeups::add(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    checked(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void Wakeups::wake_at(Instant time) {
    if (time >= armed_) return;
    const auto ns = start_ns_ + std::chrono::nanoseconds(time.time_since_epoch()).count();
    itimerspec at{};
    at.it_value = {.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond};
    checked(::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr), "timerfd_settime");
    armed_ = time;
}

void Wakeups::dispatch(bool wait) {
    std::array<epoll_event, 64> ready{};
    const int count = ::epoll_wait(epoll_, ready.data(), ready.size(), wait ? -1 : 0);
    if (count < 0 && errno == EINTR) return;
    checked(count, "epoll_wait");
    for (int i = 0; i < count; ++i) {
        const int fd = ready[static_cast<std::size_t>(i)].data.fd;
        if (fd == timer_) {
            drain(timer_);
            armed_ = Instant::max();
        } else if (fd == stop_) {
            drain(stop_);
        } else if (const auto it = watched_.find(fd); it != watched_.end()) {
            const auto call = it->second;  // which may unwatch itself
            (*call)();
        }
    }
}

void Wakeups::watch(int fd, std::function<void()> on_readable) {
    if (!watched_.contains(fd)) add(fd);
    watched_[fd] = std::make_shared<std::function<void()>>(std::move(on_readable));
}

void Wakeups::unwatch(int fd) {
    if (watched_.erase(fd) > 0) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void Wakeups::stop() noexcept {
    const int error = errno;
    stopped_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_, &one, sizeof one);
    errno = error;
}

}  // namespace presence::embed
