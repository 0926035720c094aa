#pragma once

#include <sys/types.h>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"
#include "notifier/sinks/exec/speech.hpp"
#include "notifier/sinks/fd.hpp"

namespace presence::notifier {

// A child process that reads a pipe on its standard input. It leads its own process group, so a
// terminal's Ctrl-C reaches it only through us, after what waits has been written.
class Child {
public:
    struct Options {
        bool one_page = false;  // its input can be written to only while it has read all of it
        bool answers = false;   // its standard output is ours to read
        std::string sink{};     // whose log its standard error goes to; empty: it is ours
    };
    // Starts `command` (program, looked up in PATH, and arguments; no shell). Throws SinkFailure.
    explicit Child(const std::vector<std::string>& command) : Child(command, Options{}) {}
    Child(const std::vector<std::string>& command, Options options);
    // Kills what was not ended.
    ~Child();
    Child(Child&&) = delete;

    // Our end of the pipe, non-blocking, and how much the pipe holds.
    [[nodiscard]] int input() const { return input_.get(); }
    [[nodiscard]] std::size_t input_bytes() const { return input_bytes_; }
    // From now on it may be written to as it can be by default.
    void widen_input();
    // What it says, non-blocking; -1 unless that was asked for.
    [[nodiscard]] int output() const { return output_.get(); }
    // Readable once the child has ended.
    [[nodiscard]] int ended_fd() const { return process_.get(); }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool ended() const { return wait_until(Instant{}); }

    // Closes its input, and waits for its end until `deadline`; half-way there asks with SIGTERM,
    // then ends it with SIGKILL. Returns how it ended: "exit 0", "signal 9".
    std::string end(Instant deadline);
    // After end(): whether it has read all that was written, and how much it has not.
    [[nodiscard]] bool read_all() const { return unread_bytes_ == 0; }
    [[nodiscard]] std::size_t unread_bytes() const { return unread_bytes_; }

private:
    [[nodiscard]] bool wait_until(Instant deadline) const;
    std::string reap();

    std::optional<Speech> speech_;
    Fd input_;
    Fd output_;
    Fd process_;
    std::size_t input_bytes_ = 0;
    pid_t pid_ = -1;
    std::size_t unread_bytes_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace presence::notifier
