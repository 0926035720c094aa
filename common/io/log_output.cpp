#include "common/io/log_output.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace presence::io::log {

LogOutput::LogOutput(int fd, TellDropped tell_dropped)
    : fd_(fd), tell_dropped_(std::move(tell_dropped)) {}

// Cheap in each line: the descriptor may have been led elsewhere.
void LogOutput::look() {
    struct stat file {};
    if (::fstat(fd_, &file) != 0) return;
    if (file.st_dev == device_ && file.st_ino == inode_) return;
    device_ = file.st_dev;
    inode_ = file.st_ino;
    own_.reset();
    rest_.clear();
    if (S_ISSOCK(file.st_mode)) {
        way_ = Way::socket;
    } else if (S_ISFIFO(file.st_mode) || (S_ISCHR(file.st_mode) && ::isatty(fd_) != 0)) {
        // May be refused: of another user's pipe, or where no more files may be open.
        const auto path = "/proc/self/fd/" + std::to_string(fd_);
        own_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        way_ = own_ ? Way::own : Way::polled;
    } else {
        way_ = S_ISREG(file.st_mode) ? Way::as_it_is : Way::polled;
    }
}

ssize_t LogOutput::put_some(std::string_view bytes) const {
    switch (way_) {
        case Way::socket:
            return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        case Way::own:
            return ::write(own_.get(), bytes.data(), bytes.size());
        case Way::polled: {
            pollfd room{fd_, POLLOUT, 0};
            if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return 0;
            // So much always goes at once into a pipe that has room.
            return ::write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
        }
        case Way::as_it_is:
            break;
    }
    return ::write(fd_, bytes.data(), bytes.size());
}

std::size_t LogOutput::put(std::string_view bytes) const {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto n = put_some(bytes.substr(done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

bool LogOutput::begin(std::string_view line) {
    const auto done = put(line);
    if (done == 0) return false;
    rest_ = line.substr(done);
    return true;
}

void LogOutput::write(std::string_view line) {
    look();
    rest_.erase(0, put(rest_));
    // At once with the line: where both do not go, nothing does.
    const bool went = rest_.empty() &&
                      (dropped_ == 0 ? begin(line) : begin(tell_dropped_(dropped_).append(line)));
    dropped_ = went ? 0 : dropped_ + 1;
}

}  // namespace presence::io::log
