#include "cli/up/pipeline.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/exit_codes.hpp"
#include "common/io/log.hpp"
#include "common/io/spawn.hpp"

namespace presence::cli {

Pipeline::Pipeline(const Config& config, const std::vector<std::string>& arguments)
    : directory_(std::filesystem::read_symlink("/proc/self/exe").parent_path()),
      arguments_{"--parent", std::to_string(::getpid())},
      no_input_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
    if (no_input_ < 0)
        throw std::system_error(errno, std::generic_category(), "cannot open /dev/null");
    arguments_.insert(arguments_.end(), arguments.begin(), arguments.end());
    start(parts_of(config));
}

Pipeline::~Pipeline() {
    for (auto& process : processes_) {
        if (process.pid <= 0) continue;
        ::kill(process.pid, SIGKILL);
        ::waitpid(process.pid, nullptr, 0);
        ::close(process.watch);
    }
    ::close(no_input_);
}

Pipeline::Process* Pipeline::find(const Part& part) {
    for (auto& process : processes_)
        if (process.part == part) return &process;
    return nullptr;
}

void Pipeline::start(const std::vector<Part>& parts) {
    for (const auto& part : parts) {
        Process* known = find(part);
        if (known == nullptr) {
            add(part);
            continue;
        }
        known->wanted = true;
        supervision_.want(static_cast<std::size_t>(known - processes_.data()), true);
    }
}

void Pipeline::end(const std::vector<Part>& parts) {
    for (const auto& part : parts)
        if (Process* known = find(part); known != nullptr) {
            known->wanted = false;
            supervision_.want(static_cast<std::size_t>(known - processes_.data()), false);
        }
}

void Pipeline::restart(const std::vector<Part>& parts) {
    for (const auto& part : parts)
        if (Process* known = find(part); known != nullptr) {
            known->ready = false;
            known->restarts = known->pid > 0;  // else it starts by itself
            supervision_.restart(static_cast<std::size_t>(known - processes_.data()));
        }
}

void Pipeline::add(const Part& part) {
    Process process;
    process.part = part;
    process.name = name_of(part);
    const std::string program = directory_ + "/presence-" + std::string(word_of(part.first));
    if (::access(program.c_str(), X_OK) != 0)
        throw std::runtime_error(program + " is missing; it belongs beside presence");
    process.command = {program, "--id", part.second};
    process.command.insert(process.command.end(), arguments_.begin(), arguments_.end());
    processes_.push_back(std::move(process));
    supervision_.add(static_cast<int>(part.first));
}

void Pipeline::turn(Instant now) {
    for (std::size_t i = 0; i < processes_.size(); ++i)
        reap(i, now);
    for (const pid_t pid : listener_.take())
        for (auto& process : processes_)
            if (process.pid == pid && !process.restarts) tell_ready(process);
    for (const auto& action : supervision_.decide(now)) {
        const Process& process = processes_[action.child];
        switch (action.kind) {
            case Supervision::Kind::start:
                start(action.child, now);
                break;
            case Supervision::Kind::terminate:
                ::kill(process.pid, SIGTERM);
                break;
            case Supervision::Kind::kill:
                io::log::warn("process_killed", {{"name", process.name}, {"why", "has not ended"}});
                ::kill(process.pid, SIGKILL);
                break;
        }
    }
}

void Pipeline::start(std::size_t index, Instant now) {
    Process& process = processes_[index];
    try {
        process.pid = io::spawn(process.command, no_input_, {listener_.variable()}, STDOUT_FILENO,
                                STDERR_FILENO, SIGHUP);
        process.watch = io::watch_end_of(process.pid);
        if (process.watch < 0) {
            // Its end would be noticed by chance. Tried again, as one that could not be started.
            const int error = errno;
            ::kill(process.pid, SIGKILL);
            ::waitpid(process.pid, nullptr, 0);
            process.pid = -1;
            throw std::system_error(error, std::generic_category(),
                                    "cannot watch " + process.command[0]);
        }
    } catch (const std::system_error& e) {
        io::log::error("process_not_started", {{"name", process.name}, {"error", e.what()}});
        supervision_.on_end(index, kExitSoftware, now);
    }
}

void Pipeline::reap(std::size_t index, Instant now) {
    Process& process = processes_[index];
    int status = 0;
    if (process.pid <= 0 || ::waitpid(process.pid, &status, WNOHANG) != process.pid) return;
    process.pid = -1;
    process.ready = false;
    ::close(process.watch);
    process.watch = -1;
    const bool expected = supervision_.stopping() || !process.wanted || process.restarts;
    process.restarts = false;
    supervision_.on_end(
        index, WIFEXITED(status) ? std::optional<int>(WEXITSTATUS(status)) : std::nullopt, now);
    if (expected) return;
    process.fell = true;
    tell_end(process, status);
}

void Pipeline::tell_ready(Process& process) {
    process.ready = true;
    if (std::exchange(process.fell, false))
        io::log::warn("process_recovered", {{"name", process.name}});
}

void Pipeline::tell_end(const Process& process, int status) const {
    const io::log::Field how = WIFEXITED(status) ? io::log::Field("exit_code", WEXITSTATUS(status))
                                                 : io::log::Field("signal", WTERMSIG(status));
    io::log::warn("process_ended", {{"name", process.name},
                                    how,
                                    {"then", supervision_.stopping() ? "the others are ended"
                                                                     : "it is started again"}});
}

std::vector<int> Pipeline::descriptors() const {
    std::vector<int> all{listener_.fd()};
    for (const auto& process : processes_)
        if (process.watch >= 0) all.push_back(process.watch);
    return all;
}

std::string Pipeline::missing() const {
    std::string all;
    for (const auto& process : processes_)
        if (process.wanted && !process.ready) all += (all.empty() ? "" : ", ") + process.name;
    return all;
}

std::vector<std::pair<std::string, pid_t>> Pipeline::running() const {
    std::vector<std::pair<std::string, pid_t>> all;
    for (const auto& process : processes_)
        if (process.pid > 0) all.emplace_back(process.name, process.pid);
    return all;
}

void Pipeline::signal_wanted(int signal, std::optional<ProcessKind> kind) const {
    for (const auto& process : processes_)
        if (process.pid > 0 && process.wanted &&
            process.part.first == kind.value_or(process.part.first))
            ::kill(process.pid, signal);
}

}  // namespace presence::cli
