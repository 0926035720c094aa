#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/up/cast.hpp"
#include "cli/up/supervision.hpp"
#include "common/config/config.hpp"
#include "common/io/readiness.hpp"

namespace presence::cli {

// The processes of one pipeline on this machine, run as Supervision decides, each the sibling of
// this program's file. They end with this process, however it ends.
class Pipeline {
public:
    // `arguments` follow --id and --parent of each process. Throws std::runtime_error if a program
    // is missing.
    Pipeline(const Config& config, const std::vector<std::string>& arguments);
    // Starts and ends parts with the next turn(); what starts counts as missing until it is ready.
    void start(const std::vector<Part>& parts);
    void end(const std::vector<Part>& parts);
    // Ends and starts them again, with the next turns.
    void restart(const std::vector<Part>& parts);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    // Starts, ends and reaps what is due at `now`, and tells it on stderr.
    void turn(Instant now);
    // Descriptors that become readable when a process ends, or tells that it works.
    [[nodiscard]] std::vector<int> descriptors() const;
    // Sends `signal` to every process that is not to end, of this kind if one is given.
    void signal_wanted(int signal, std::optional<ProcessKind> kind = {}) const;

    // Every process has told that it works: trackers answer, every tracker has heard every
    // collector, notifiers are in step with every tracker.
    [[nodiscard]] bool ready() const { return missing().empty(); }
    // Those that have not: "tracker t2, notifier n1".
    [[nodiscard]] std::string missing() const;

    // Those that run now, by name: "tracker t1".
    [[nodiscard]] std::vector<std::pair<std::string, pid_t>> running() const;

    [[nodiscard]] Supervision& supervision() { return supervision_; }

private:
    struct Process {
        Part part;
        std::string name;  // "tracker t1"
        std::vector<std::string> command;
        pid_t pid = -1;
        int watch = -1;  // a pidfd
        bool ready = false;
        bool wanted = true;
        bool restarts = false;  // asked to
        bool fell = false;      // ended without being asked, and has not told since that it works
    };
    void add(const Part& part);
    Process* find(const Part& part);
    void start(std::size_t index, Instant now);
    void reap(std::size_t index, Instant now);
    static void tell_ready(Process& process);
    void tell_end(const Process& process, int status) const;

    Supervision supervision_{Supervision::Options{}};
    std::string directory_;
    std::vector<std::string> arguments_;
    std::vector<Process> processes_;
    io::ReadyListener listener_;
    int no_input_ = -1;
};

}  // namespace presence::cli
