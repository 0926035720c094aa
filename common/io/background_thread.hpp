#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "common/io/fd.hpp"
#include "common/time.hpp"

namespace presence::io {

// Rung by one thread, waited for by another; also before that waits, and more than once.
class Bell {
public:
    // Throws std::system_error.
    Bell();
    void ring() const;
    void quiet() const;
    // Readable from ring() until quiet().
    [[nodiscard]] int fd() const { return fd_.get(); }
    // For a ring, or until then; may return for neither. Quiet afterwards.
    void wait(Instant until) const;

private:
    Fd fd_;
};

// What a thread and its owner share. Both hold it, so a thread that hangs may be left behind. What
// a derived one adds is guarded by `mutex`, but for what is one side's alone.
struct Mailbox {
    std::mutex mutex;
    Bell to_thread, to_owner;
    bool stopping = false;              // the thread finishes what it has to, and ends,
    Instant deadline = Instant::max();  // by about then
    bool ended = false;

    // The owner's, with the lock held: the thread is to end. Waits for nothing.
    void stop(Instant by);
};

// A thread beside a loop. It ends when its function returns, which it does soon after
// Mailbox::stop(), unless it hangs. An exception out of it is a defect, which ends the process.
class BackgroundThread {
public:
    // `run` refers to nothing but the mailbox. Throws std::system_error.
    BackgroundThread(std::shared_ptr<Mailbox> mailbox, std::function<void()> run);
    // Waits for nothing: one that has not ended is left behind, with its mailbox.
    ~BackgroundThread();
    BackgroundThread(const BackgroundThread&) = delete;

    // Once this is true, the function has returned; to_owner rings when it becomes so.
    [[nodiscard]] bool ended() const;
    // Waits for it, until then, and takes what rings to_owner meanwhile.
    [[nodiscard]] bool ended_by(Instant until) const;

private:
    std::shared_ptr<Mailbox> mailbox_;
    std::thread thread_;
};

}  // namespace presence::io
