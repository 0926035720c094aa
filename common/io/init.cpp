#include "common/io/init.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace presence::io {
namespace {

constexpr int kSignalled = 128;

// Reaps all that have ended; ends with the program if that is among them.
void reap(pid_t program) {
    int status = 0;
    for (;;) {
        const pid_t ended = ::waitpid(-1, &status, WNOHANG);
        if (ended < 0 && errno == EINTR) continue;
        if (ended <= 0) return;
        if (ended != program) continue;
        ::_exit(WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status));
    }
}

[[noreturn]] void be_first_process(pid_t program, const sigset_t& all) {
    for (;;) {
        siginfo_t info{};
        const int signal = ::sigwaitinfo(&all, &info);
        if (signal == SIGCHLD) reap(program);
        // What the terminal sends (Ctrl-C), it has sent to the program as well.
        if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL) ::kill(program, signal);
    }
}

}  // namespace

void be_no_first_process() {
    if (::getpid() != 1) return;
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t program = ::fork();
    if (program > 0) be_first_process(program, all);
    // The program; or no process is to be had, and we are all there is.
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace presence::io
