#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "common/time.hpp"

namespace presence::cli {

// Decides when to start, restart, terminate and kill the processes of a pipeline; whoever calls
// does it and reports what became of it.
//
// Children of a lower stage are ended first, and the next stage only when they are gone: collectors
// hand over what they read, trackers publish it, notifiers deliver it.
//
// Pure. Times never go back.
class Supervision {
public:
    struct Options {
        Duration backoff_first = 100ms;  // before the first restart; doubles with each further one
        Duration backoff_max = 5s;
        Duration healthy_after = 10s;  // having lived this long, a child's backoff starts anew
        Duration stage_deadline = 5s;  // from SIGTERM to SIGKILL
        Duration patience = 500ms;     // between two requests to stop that are two
    };
    explicit Supervision(Options options) : options_(options) {}

    // The index is the child's name from now on. It is started by the next decide().
    std::size_t add(int stage);
    // A child that is not wanted is ended, and killed after stage_deadline; one that is wanted
    // again is started, if it is just being ended then as soon as it is gone.
    void want(std::size_t child, bool wanted);
    // Ends it and starts it again, as soon as it is gone.
    void restart(std::size_t child) { children_[child].to_restart = children_[child].running; }

    enum class Kind { start, terminate, kill };
    struct Action {
        Kind kind;
        std::size_t child;
        friend bool operator==(const Action&, const Action&) = default;
    };
    // What to do now; each action is given once. A start is taken as done, also when it failed:
    // then report its end.
    [[nodiscard]] std::vector<Action> decide(Instant now);

    // How a child ended: an exit code, or nothing where a signal ended it.
    void on_end(std::size_t child, std::optional<int> code, Instant now);
    // The whole pipeline works: from now on an address in use is worth another try.
    void on_ready() { ready_ = true; }
    // Ends everything, in order. Asked again after `patience`: kills everything that still runs.
    // (One Ctrl-C may arrive twice, from the terminal and from whoever started us.)
    void stop(Instant now);

    [[nodiscard]] bool stopping() const { return stopping_; }
    [[nodiscard]] bool finished() const;
    // 0, or the exit code of a child that did not work before the pipeline was ready, and that no
    // restart can mend: wrong flags, wrong configuration, an address in use, a data directory of no
    // use. That stops the rest. Later one is tried again and again: the others work.
    [[nodiscard]] int exit_code() const { return exit_code_; }
    [[nodiscard]] std::size_t restarts() const { return restarts_; }
    // Never later than the next action; may be earlier. Instant::max(): only an end can bring one.
    [[nodiscard]] Instant next_wakeup() const;

private:
    struct Child {
        int stage = 0;
        bool running = false;
        bool wanted = true;
        bool to_restart = false;
        bool terminated = false;  // told to end
        bool killed = false;
        std::optional<Instant> kill_at;               // of one that is not wanted
        std::optional<Instant> start_at = Instant{};  // nothing: not to be started
        Instant started{};
        Duration backoff{0};
    };
    [[nodiscard]] std::optional<int> lowest_running_stage() const;
    void start_due(Instant now, std::vector<Action>& actions);
    void end_unwanted(Instant now, std::vector<Action>& actions);
    void end_stage(Instant now, std::vector<Action>& actions);

    Options options_;
    std::vector<Child> children_;
    bool ready_ = false;
    bool stopping_ = false;
    std::optional<Instant> asked_to_stop_;
    bool kill_all_ = false;
    std::optional<Instant> deadline_;  // of the stage that is being ended
    std::optional<int> ending_stage_;
    int exit_code_ = 0;
    std::size_t restarts_ = 0;
};

}  // namespace presence::cli
