#include "cli/pipeline.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "common/exit_codes.hpp"
#include "common/io/spawn.hpp"

namespace presence::cli {
namespace {

// The order of ending.
constexpr int kStageCollectors = 0;
constexpr int kStageTrackers = 1;
constexpr int kStageNotifiers = 2;

void tell(const std::string& line) {
    std::cerr << "presence: " << line << std::endl;
}

}  // namespace

Pipeline::Pipeline(const Config& config, std::vector<std::string> arguments)
    : directory_(std::filesystem::read_symlink("/proc/self/exe").parent_path()),
      no_input_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
    arguments.insert(arguments.begin(), {"--parent", std::to_string(::getpid())});
    // Trackers first: the others connect to them.
    for (const auto& tracker : config.trackers)
        add(kStageTrackers, "tracker", tracker.id, arguments);
    for (const auto& collector : config.collectors)
        add(kStageCollectors, "collector", collector.id, arguments);
    for (const auto& notifier : config.notifiers)
        add(kStageNotifiers, "notifier", notifier.id, arguments);
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

void Pipeline::add(int stage, const std::string& kind, const std::string& id,
                   const std::vector<std::string>& arguments) {
    Process process;
    process.name = kind + " " + id;
    const std::string program = directory_ + "/presence-" + kind;
    if (::access(program.c_str(), X_OK) != 0)
        throw std::runtime_error(program + " is missing; it belongs beside presence");
    process.command = {program, "--id", id};
    process.command.insert(process.command.end(), arguments.begin(), arguments.end());
    processes_.push_back(std::move(process));
    supervision_.add(stage);
}

void Pipeline::turn(Instant now) {
    for (std::size_t i = 0; i < processes_.size(); ++i)
        reap(i, now);
    for (const pid_t pid : listener_.take())
        for (auto& process : processes_)
            if (process.pid == pid) process.ready = true;
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
                tell("killing " + process.name + ", which has not ended");
                ::kill(process.pid, SIGKILL);
                break;
        }
    }
}

void Pipeline::start(std::size_t index, Instant now) {
    Process& process = processes_[index];
    try {
        process.pid = io::spawn(process.command, no_input_, {listener_.variable()});
    } catch (const std::system_error& e) {
        tell(e.what());
        supervision_.on_end(index, kExitSoftware, now);
        return;
    }
    process.watch = io::watch_end_of(process.pid);
}

void Pipeline::reap(std::size_t index, Instant now) {
    Process& process = processes_[index];
    int status = 0;
    if (process.pid <= 0 || ::waitpid(process.pid, &status, WNOHANG) != process.pid) return;
    process.pid = -1;
    process.ready = false;
    ::close(process.watch);
    process.watch = -1;
    const bool expected = supervision_.stopping();
    supervision_.on_end(
        index, WIFEXITED(status) ? std::optional<int>(WEXITSTATUS(status)) : std::nullopt, now);
    if (!expected) tell_end(process, status);
}

void Pipeline::tell_end(const Process& process, int status) const {
    const std::string how = WIFEXITED(status)
                                ? fmt::format("ended with exit code {}", WEXITSTATUS(status))
                                : fmt::format("was ended by signal {}", WTERMSIG(status));
    tell(process.name + " " + how +
         (supervision_.stopping() ? "; ending the others" : "; starting it again"));
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
        if (!process.ready) all += (all.empty() ? "" : ", ") + process.name;
    return all;
}

std::vector<std::pair<std::string, pid_t>> Pipeline::running() const {
    std::vector<std::pair<std::string, pid_t>> all;
    for (const auto& process : processes_)
        if (process.pid > 0) all.emplace_back(process.name, process.pid);
    return all;
}

void Pipeline::signal_all(int signal) const {
    for (const auto& process : processes_)
        if (process.pid > 0) ::kill(process.pid, signal);
}

}  // namespace presence::cli
