#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

// How a process tells whoever started it that it works: the notification of systemd, sd_notify(3),
// so that a unit with Type=notify and `presence up` understand the same word.
namespace presence::io {

// Sends READY=1 to the socket named by NOTIFY_SOCKET, if it is set. Never blocks; a listener that
// is gone is nobody's harm.
void tell_ready();

// The other end.
class ReadyListener {
public:
    // Throws std::system_error.
    ReadyListener();
    ~ReadyListener();
    ReadyListener(const ReadyListener&) = delete;
    ReadyListener& operator=(const ReadyListener&) = delete;

    // "NOTIFY_SOCKET=...", for the environment of those who are to tell.
    [[nodiscard]] const std::string& variable() const { return variable_; }
    [[nodiscard]] int fd() const { return fd_; }
    // Who has told since the last call, as the kernel vouches for it.
    [[nodiscard]] std::vector<pid_t> take();

private:
    int fd_ = -1;
    std::string variable_;
};

}  // namespace presence::io
