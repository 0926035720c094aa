#include "tests/simulation/children.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <vector>

#include "common/check.hpp"

namespace presence::simulation {
namespace {

struct Child {
    std::size_t index;
    ::pid_t pid;
    int fd;
    std::string told;
};

void write_all(int fd, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const auto n = ::write(fd, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) ::_exit(1);
        done += static_cast<std::size_t>(n);
    }
}

Child begin(std::size_t index, const std::function<std::string(std::size_t)>& task) {
    int ends[2];
    PRESENCE_CHECK(::pipe(ends) == 0, "no pipe");
    std::fflush(nullptr);
    const auto pid = ::fork();
    PRESENCE_CHECK(pid >= 0, "no process");
    if (pid == 0) {
        ::close(ends[0]);
        write_all(ends[1], task(index));
        ::_exit(0);
    }
    ::close(ends[1]);
    return {index, pid, ends[0], {}};
}

// True once the child has ended.
bool read_some(Child& child) {
    char buffer[1 << 16];
    const auto n = ::read(child.fd, buffer, sizeof buffer);
    if (n < 0) return errno != EINTR;
    child.told.append(buffer, static_cast<std::size_t>(n));
    return n == 0;
}

std::optional<std::string> end(Child& child) {
    ::close(child.fd);
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
    return std::move(child.told);
}

}  // namespace

void in_children(std::size_t count, unsigned jobs,
                 const std::function<std::string(std::size_t)>& task,
                 const std::function<bool(std::size_t, std::optional<std::string>)>& done) {
    std::vector<Child> running;
    std::map<std::size_t, std::optional<std::string>> ended;
    std::size_t begun = 0;
    std::size_t heard = 0;
    bool more = true;
    while ((more && begun < count) || !running.empty()) {
        while (more && begun < count && running.size() < jobs)
            running.push_back(begin(begun++, task));
        std::vector<::pollfd> fds;
        for (const auto& child : running)
            fds.push_back({child.fd, POLLIN, 0});
        if (::poll(fds.data(), fds.size(), -1) < 0) continue;
        for (std::size_t i = running.size(); i-- > 0;) {
            if (fds[i].revents == 0 || !read_some(running[i])) continue;
            ended.emplace(running[i].index, end(running[i]));
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        }
        for (; more && !ended.empty() && ended.begin()->first == heard; ++heard) {
            auto first = ended.extract(ended.begin());
            more = done(heard, std::move(first.mapped()));
        }
    }
}

}  // namespace presence::simulation
