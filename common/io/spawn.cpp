#include "common/io/spawn.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>
#include <system_error>

namespace presence::io {
namespace {

class Plan {
public:
    Plan(int input, int output, int error, int blocked) {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
        ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&files, error, STDERR_FILENO);
        ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
        ::posix_spawnattr_init(&attributes);
        sigset_t mask;
        sigset_t all;
        ::sigemptyset(&mask);
        if (blocked != 0) ::sigaddset(&mask, blocked);
        ::sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes, &mask);
        ::posix_spawnattr_setsigdefault(&attributes, &all);
        ::posix_spawnattr_setpgroup(&attributes, 0);
        ::posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~Plan() {
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&files);
    }
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
};

// As exec wants it: with a null at the end.
std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const auto& text : texts)
        all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

}  // namespace

pid_t spawn(const std::vector<std::string>& command, int input,
            const std::vector<std::string>& variables, int output, int error_output, int blocked) {
    auto arguments = pointers_to(command);
    auto environment = pointers_to(variables);
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (!std::string_view(*entry).starts_with("NOTIFY_SOCKET="))
            environment.insert(environment.begin(), *entry);
    const Plan plan(input, output, error_output, blocked);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, arguments[0], &plan.files, &plan.attributes,
                                     arguments.data(), environment.data());
    if (error != 0)
        throw std::system_error(error, std::generic_category(), "cannot start " + command[0]);
    return pid;
}

// By number: the C library's own declaration does not link from C++ in glibc 2.36.
int watch_end_of(pid_t process) {
    return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
}

}  // namespace presence::io
