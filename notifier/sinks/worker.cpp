#include "notifier/sinks/worker.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <utility>

#include "common/check.hpp"
#include "common/io/clock.hpp"
#include "common/io/fault_point.hpp"
#include "common/io/log.hpp"
#include "common/store/store.hpp"
#include "notifier/sinks/reasons.hpp"

namespace presence::notifier {

constexpr Duration kTellInterval = 10s;  // of failures beside a chunk

// Each side wakes the other through an eventfd; the fields are guarded by `mutex`.
struct Worker::Mailbox {
    Mailbox(const SinkConfig& config, const std::filesystem::path& directory, SinkHost host)
        : name(config.name), sink(make_sink(config, directory, interrupt, std::move(host))) {}

    const std::string name;
    Interrupt interrupt;
    std::unique_ptr<Sink> sink;  // the thread's alone
    Fd to_thread{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    Fd to_loop{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

    std::mutex mutex;
    std::optional<Task> task;
    std::optional<Outcome> outcome;
    bool reopen = false;
    bool stop = false;
    bool ended = false;
    Instant deadline{};

    Reasons failures{kTellInterval};  // beside a chunk; the thread's alone

    struct Mail {
        std::optional<Task> task;
        bool reopen = false;
        bool stop = false;
    };
    // Waits for mail, or until the sink has to be tended.
    Mail wait(bool& tend) {
        const auto watch = sink->watch();
        std::array<pollfd, 3> fds{
            {{to_thread.get(), POLLIN, 0}, {watch.fd, POLLIN, 0}, {watch.also, POLLIN, 0}}};
        const int ready = ::poll(fds.data(), fds.size(), poll_timeout(watch.at));
        tend = ready == 0 || fds[1].revents != 0 || fds[2].revents != 0;
        eventfd_t count = 0;
        (void)::eventfd_read(to_thread.get(), &count);
        const std::lock_guard lock(mutex);
        return {std::exchange(task, std::nullopt), std::exchange(reopen, false), stop};
    }
    void tell_loop(Outcome news) {
        const std::lock_guard lock(mutex);
        outcome = std::move(news);
        (void)::eventfd_write(to_loop.get(), 1);
    }
    void tell_ended() {
        const std::lock_guard lock(mutex);
        ended = true;
        (void)::eventfd_write(to_loop.get(), 1);
    }

    Outcome carry_out(const Task& given) {
        try {
            if (given.before) given.before();
            io::fault_point("sink.kept");
            if (!given.chunk.empty()) sink->take(given.chunk);
        } catch (const SinkFailure& failure) {
            return {false, failure.what(), true, failure.retry_after, failure.gone};
        } catch (const io::StoreError& failure) {
            return {false, failure.what(), false, {}, false};
        }
        io::fault_point("sink.taken");
        if (given.after) given.after(given.chunk);
        return {true, {}, false, {}, false};
    }

    // What is tried beside a chunk fails for itself: the next chunk tries again.
    void try_beside(void (Sink::*action)()) {
        try {
            (sink.get()->*action)();
        } catch (const std::runtime_error& failure) {  // a SinkFailure or a StoreError
            if (!failures.may_tell(failure.what(), io::now())) return;
            io::log::warn("sink_failed", {{"sink", name}, {"reason", failure.what()}});
        }
    }
};

Worker::Worker(const SinkConfig& config, const std::filesystem::path& directory, SinkHost host)
    : mailbox_(std::make_shared<Mailbox>(config, directory, std::move(host))),
      thread_(run, mailbox_) {}

Worker::~Worker() {
    if (ended())
        thread_.join();
    else
        thread_.detach();
}

void Worker::run(const std::shared_ptr<Mailbox>& mailbox) {
    for (;;) {
        bool tend = false;
        auto mail = mailbox->wait(tend);
        if (mail.stop) break;
        if (mail.reopen) mailbox->try_beside(&Sink::reopen);
        if (mail.task) {
            mailbox->tell_loop(mailbox->carry_out(*mail.task));
        } else if (tend) {
            mailbox->try_beside(&Sink::tend);
        }
    }
    Instant deadline;
    {
        const std::lock_guard lock(mailbox->mutex);
        deadline = mailbox->deadline;
    }
    mailbox->sink->close(deadline);
    mailbox->tell_ended();
}

int Worker::fd() const {
    return mailbox_->to_loop.get();
}

void Worker::give(Task task) {
    const std::lock_guard lock(mailbox_->mutex);
    PRESENCE_CHECK(!mailbox_->task && !mailbox_->outcome, "a chunk is under way");
    mailbox_->task = std::move(task);
    (void)::eventfd_write(mailbox_->to_thread.get(), 1);
}

std::optional<Worker::Outcome> Worker::outcome() {
    eventfd_t count = 0;
    (void)::eventfd_read(mailbox_->to_loop.get(), &count);
    const std::lock_guard lock(mailbox_->mutex);
    return std::exchange(mailbox_->outcome, std::nullopt);
}

void Worker::reopen() {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->reopen = true;
    (void)::eventfd_write(mailbox_->to_thread.get(), 1);
}

void Worker::stop(Instant deadline) {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->stop = true;
    mailbox_->deadline = deadline;
    mailbox_->interrupt.stop();
    (void)::eventfd_write(mailbox_->to_thread.get(), 1);
}

bool Worker::ended() const {
    const std::lock_guard lock(mailbox_->mutex);
    return mailbox_->ended;
}

}  // namespace presence::notifier
