#include "notifier/sinks/exec/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

#include "common/io/clock.hpp"
#include "common/io/spawn.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

namespace {

// Its ends: to read from, to write to.
std::pair<Fd, Fd> make_pipe(const std::string& program) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw failure("make a pipe for", program);
    return {Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

Child::Child(const std::vector<std::string>& command, Options options) {
    auto [read_end, write_end] = make_pipe(command.at(0));
    input_ = std::move(write_end);
    ::fcntl(input_.get(), F_SETFL, O_NONBLOCK);
    // The kernel rounds up to a page: then poll(2) finds room only in an empty pipe.
    if (options.one_page) (void)::fcntl(input_.get(), F_SETPIPE_SZ, 1);
    Fd answers_end;
    if (options.answers) {
        std::tie(output_, answers_end) = make_pipe(command.at(0));
        ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    }
    Fd said, error_end;
    if (!options.sink.empty()) std::tie(said, error_end) = make_pipe(command.at(0));
    input_bytes_ = static_cast<std::size_t>(::fcntl(input_.get(), F_GETPIPE_SZ));

    try {
        if (said) speech_.emplace(options.sink, std::move(said));
        pid_ =
            io::spawn(command, read_end.get(), {}, answers_end ? answers_end.get() : STDOUT_FILENO,
                      error_end ? error_end.get() : STDERR_FILENO);
    } catch (const std::system_error& error) {
        throw SinkFailure(error.what());
    }
    process_.reset(io::watch_end_of(pid_));
    if (!process_) {
        const auto reason = failure("watch", command.at(0));
        ::kill(pid_, SIGKILL);
        reap();
        throw reason;
    }
}

void Child::widen_input() {
    constexpr int kDefaultBytes = 64 * 1024;
    (void)::fcntl(input_.get(), F_SETPIPE_SZ, kDefaultBytes);
    input_bytes_ = static_cast<std::size_t>(::fcntl(input_.get(), F_GETPIPE_SZ));
}

Child::~Child() {
    if (pid_ > 0) end(Instant{});
}

bool Child::wait_until(Instant deadline) const {
    for (;;) {
        pollfd ended{process_.get(), POLLIN, 0};
        const int ready = ::poll(&ended, 1, io::poll_timeout(deadline));
        if (ready > 0) return true;
        if (io::now() >= deadline) return false;
    }
}

std::string Child::reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "exit " + std::to_string(WEXITSTATUS(status));
}

std::string Child::end(Instant deadline) {
    // The other end once more: what is left in it is seen there when the child has ended.
    const auto path = "/proc/self/fd/" + std::to_string(input_.get());
    const Fd rest(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    input_.reset();
    const auto now = io::now();
    const auto half = deadline > now ? now + (deadline - now) / 2 : now;
    if (!wait_until(half)) {
        ::kill(-pid_, SIGTERM);
        if (!wait_until(deadline)) ::kill(-pid_, SIGKILL);
    }
    auto how = reap();
    speech_.reset();  // what it said last stands before how it ended
    int unread = 0;
    if (rest && ::ioctl(rest.get(), FIONREAD, &unread) == 0)
        unread_bytes_ = static_cast<std::size_t>(unread);
    return how;
}

}  // namespace presence::notifier
