#pragma once

// SIGTERM, SIGINT and SIGHUP as a file descriptor, so that a loop polls them like its sockets.
namespace presence::io {

// First thing in main of a process whose SIGHUP is a request: one that comes while it starts waits
// for its Signals. SIGTERM and SIGINT end it meanwhile, as there is nothing to finish yet, and as
// what it waits for may never come (a configuration from a pipe).
void block_sighup();

class Signals {
public:
    // Blocks the three in this thread and those made after it (so: construct before the zmq
    // context), ignores SIGPIPE. Children inherit both: spawn them with an empty signal mask and
    // the default SIGPIPE.
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int fd() const { return fd_; }
    // Reads all pending ones; each flag stays true until taken or forgotten.
    void read();
    [[nodiscard]] bool stop() const { return stop_; }
    // So that a second SIGINT or SIGTERM can be told from the first.
    void forget_stop() { stop_ = false; }
    [[nodiscard]] bool take_reload();

private:
    int fd_ = -1;
    bool stop_ = false;
    bool reload_ = false;
};

}  // namespace presence::io
