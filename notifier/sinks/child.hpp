#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/time.hpp"
#include "notifier/sinks/fd.hpp"

namespace presence::notifier {

// A child process that reads a pipe on its standard input. It leads its own process group, so a
// terminal's Ctrl-C reaches it only through us, after what waits has been written.
class Child {
public:
    // Starts `command` (program, looked up in PATH, and arguments; no shell). Throws SinkFailure.
    explicit Child(const std::vector<std::string>& command);
    // Kills what was not ended.
    ~Child();
    Child(Child&&) = delete;

    // Our end of the pipe, non-blocking, and how much the pipe holds.
    [[nodiscard]] int input() const { return input_.get(); }
    [[nodiscard]] std::size_t input_bytes() const { return input_bytes_; }
    // Readable once the child has ended.
    [[nodiscard]] int ended_fd() const { return process_.get(); }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool ended() const { return wait_until(Instant{}); }

    // Closes its input, and waits for its end until `deadline`; half-way there asks with SIGTERM,
    // then ends it with SIGKILL. Returns how it ended: "exit 0", "signal 9".
    std::string end(Instant deadline);
    // After end(): whether it has read all that was written.
    [[nodiscard]] bool read_all() const { return read_all_; }

private:
    [[nodiscard]] bool wait_until(Instant deadline) const;
    std::string reap();

    Fd input_;
    Fd process_;
    std::size_t input_bytes_ = 0;
    pid_t pid_ = -1;
    bool read_all_ = false;
};

}  // namespace presence::notifier
