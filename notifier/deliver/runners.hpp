#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/follow/counters.hpp"
#include "common/follow/follower.hpp"
#include "common/time.hpp"
#include "notifier/counters.hpp"
#include "notifier/deliver/sink_runner.hpp"

namespace presence::notifier {

// All sinks of one notifier. A reload adds, removes and changes them by name; those that stay as
// they are go on, and open their files anew.
class Runners {
public:
    static constexpr Duration kSinkEnd = 3s;  // for the chunk of a sink that goes
    static constexpr Duration kEndSlack = 500ms;
    static constexpr Duration kOpenAgain = 10s;  // a sink that could not be opened

    // Opens those of `notifier`. Throws StoreError.
    Runners(const Config& config, const std::string& notifier);

    // After a reload: what of `config` is this notifier's holds from now on.
    void reload(const Config& config, Instant now);

    void on_heard(const TrackerMessagePtr& heard);
    // False if the question was nobody's.
    [[nodiscard]] bool on_answer(const TrackerMessagePtr& heard);
    // Of all sinks; see SinkRunner.
    void turn(Instant now, WallOffset wall, std::vector<Question>& questions);
    [[nodiscard]] Instant next_wakeup() const;
    // Readable when one has news.
    [[nodiscard]] std::vector<int> fds() const;

    [[nodiscard]] bool started(Instant now);
    [[nodiscard]] bool idle() const;  // but for those that are gone
    [[nodiscard]] std::size_t size() const { return runners_.size(); }
    [[nodiscard]] std::size_t in_step() const;
    void add_to(FollowCounters& followed, NotifierCounters& counters) const;
    // Each follows the same users, but for those that a prefix leaves out.
    [[nodiscard]] std::uint64_t online() const;
    [[nodiscard]] std::vector<SinksAnswer::Sink> status(Instant now, WallOffset wall) const;
    void each(const std::function<void(const SinkRunner&)>& fn) const;

    // Nothing more is given to any.
    void stop(Instant deadline);
    [[nodiscard]] bool ended(Instant now);  // all
    void tell_abandoned(Instant now);       // those that have not

private:
    using RunnerPtr = std::unique_ptr<SinkRunner>;
    struct Running {
        SinkConfig config;
        RunnerPtr runner;
    };
    struct Ending {
        RunnerPtr runner;
        Instant deadline{};
        bool told = false;
    };
    struct Waiting {
        SinkConfig config;
        Instant at{};
        std::string why;
    };

    [[nodiscard]] RunnerPtr open(const SinkConfig& sink);
    void open_waiting(Instant now);
    void end(RunnerPtr runner, Instant now);
    void turn_ending(Instant now);
    void warn_of_data() const;

    Config config_;
    std::string notifier_;
    std::map<std::uint64_t, Running> runners_;  // by what their questions are numbered with
    std::uint64_t next_ = 0;                    // never used again
    std::vector<Ending> ending_;
    std::vector<Waiting> waiting_;  // for one of their name to end, or to be tried again
};

}  // namespace presence::notifier
