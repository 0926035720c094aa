#include "common/io/background_thread.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "common/io/clock.hpp"

namespace presence::io {

Bell::Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Bell::ring() const {
    (void)::eventfd_write(fd_.get(), 1);
}

void Bell::quiet() const {
    eventfd_t count = 0;
    (void)::eventfd_read(fd_.get(), &count);
}

void Bell::wait(Instant until) const {
    pollfd rung{fd_.get(), POLLIN, 0};
    (void)::poll(&rung, 1, poll_timeout(until));
    quiet();
}

void Mailbox::stop(Instant by) {
    stopping = true;
    deadline = by;
    to_thread.ring();
}

BackgroundThread::BackgroundThread(std::shared_ptr<Mailbox> mailbox, std::function<void()> run)
    : mailbox_(std::move(mailbox)), thread_([mailbox = mailbox_, run = std::move(run)] {
          run();
          const std::lock_guard lock(mailbox->mutex);
          mailbox->ended = true;
          mailbox->to_owner.ring();
      }) {}

BackgroundThread::~BackgroundThread() {
    if (ended())
        thread_.join();
    else
        thread_.detach();
}

bool BackgroundThread::ended() const {
    const std::lock_guard lock(mailbox_->mutex);
    return mailbox_->ended;
}

bool BackgroundThread::ended_by(Instant until) const {
    for (; !ended(); mailbox_->to_owner.wait(until))
        if (now() >= until) return false;
    return true;
}

}  // namespace presence::io
