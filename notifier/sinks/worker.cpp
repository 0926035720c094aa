#include "notifier/sinks/worker.hpp"

#include <poll.h>

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

struct Worker::Mailbox : io::Mailbox {
    Mailbox(const SinkConfig& config, const std::filesystem::path& directory, SinkHost host)
        : name(config.name), sink(make_sink(config, directory, interrupt, std::move(host))) {}

    const std::string name;
    Interrupt interrupt;
    std::unique_ptr<Sink> sink;  // the thread's alone

    std::optional<Task> task;
    std::optional<Report> outcome;
    bool open = false;

    Reasons failures{kTellInterval};  // beside a chunk; the thread's alone

    struct Mail {
        std::optional<Task> task;
        bool open = false;
        bool stop = false;
        Instant deadline;
    };
    // Waits for mail, or until the sink has to be tended.
    Mail wait(bool& tend) {
        const auto watch = sink->watch();
        std::array<pollfd, 3> fds{
            {{to_thread.fd(), POLLIN, 0}, {watch.fd, POLLIN, 0}, {watch.also, POLLIN, 0}}};
        const int ready = ::poll(fds.data(), fds.size(), io::poll_timeout(watch.at));
        tend = ready == 0 || fds[1].revents != 0 || fds[2].revents != 0;
        to_thread.quiet();
        const std::lock_guard lock(mutex);
        return {std::exchange(task, std::nullopt), std::exchange(open, false), stopping, deadline};
    }
    void tell_loop(Report news) {
        const std::lock_guard lock(mutex);
        outcome = std::move(news);
        to_owner.ring();
    }

    Report carry_out(const Task& given) {
        Report report;
        try {
            if (given.before) given.before();
            io::fault_point("sink.kept");
            auto* const place = sink->state_place();
            if (place != nullptr) place->begin_chunk(given.number);
            if (place != nullptr && given.ask) given.ask(*place);
            if (!given.chunk.empty()) report = sink->take(given.chunk);
        } catch (const SinkFailure& failure) {
            return {{}, failure.failure};
        } catch (const io::StoreError& failure) {
            return {{}, Failure{.reason = failure.what(), .ours = true}};
        }
        io::fault_point("sink.taken");
        if (given.after) given.after(taken_of(given.chunk, report), !report.failure);
        return report;
    }

    static std::vector<Event> taken_of(const std::vector<Event>& chunk, const Report& report) {
        if (!report.failure) return chunk;
        std::vector<Event> taken;
        for (std::size_t item = 0; item < chunk.size(); ++item)
            if (report.of(item) == Report::Item::done) taken.push_back(chunk[item]);
        return taken;
    }

    void run() {
        for (;;) {
            bool tend = false;
            const auto mail = wait(tend);
            if (mail.stop) return sink->close(mail.deadline);
            if (mail.open) try_beside(&Sink::open);
            if (mail.task)
                tell_loop(carry_out(*mail.task));
            else if (tend)
                try_beside(&Sink::tend);
        }
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
      thread_(mailbox_, [mailbox = mailbox_.get()] { mailbox->run(); }) {}

int Worker::fd() const {
    return mailbox_->to_owner.fd();
}

void Worker::give(Task task) {
    const std::lock_guard lock(mailbox_->mutex);
    PRESENCE_CHECK(!mailbox_->task && !mailbox_->outcome, "a chunk is under way");
    mailbox_->task = std::move(task);
    mailbox_->to_thread.ring();
}

std::optional<Report> Worker::outcome() {
    mailbox_->to_owner.quiet();
    const std::lock_guard lock(mailbox_->mutex);
    return std::exchange(mailbox_->outcome, std::nullopt);
}

void Worker::open() {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->open = true;
    mailbox_->to_thread.ring();
}

void Worker::stop(Instant deadline) {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->interrupt.stop();
    mailbox_->stop(deadline);
}

}  // namespace presence::notifier
