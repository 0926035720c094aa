#include "common/io/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace presence::io {
namespace {

sigset_t handled() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

void block(const sigset_t& set) {
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
        throw std::system_error(error, std::generic_category(), "cannot block signals");
}

}  // namespace

void block_sighup() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    block(set);
}

Signals::Signals() {
    const sigset_t set = handled();
    block(set);
    fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot make a signalfd");
    ::signal(SIGPIPE, SIG_IGN);
}

Signals::~Signals() {
    ::close(fd_);
}

void Signals::read() {
    signalfd_siginfo info{};
    while (::read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo == SIGHUP)
            reload_ = true;
        else
            stop_ = true;
    }
}

bool Signals::take_reload() {
    const bool was = reload_;
    reload_ = false;
    return was;
}

}  // namespace presence::io
