#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/time.hpp"

namespace presence::notifier {

// Which line ends a program. Nobody knows while many are under way: once the program has ended,
// lines are given one at a time, until all that were under way have been borne. A line with which
// it ends so often, or for so long, is to be given up; but no more than kInARow with nothing borne
// between, as then it is the program's fault.
//
// Pure.
class Culprit {
public:
    static constexpr int kInARow = 10;

    // 0: never, of either.
    Culprit(std::uint64_t attempts_max, Duration give_up_after)
        : attempts_max_(attempts_max), give_up_after_(give_up_after) {}

    // Lines are to be given one at a time.
    [[nodiscard]] bool suspects() const { return suspects_; }

    // The program has ended. `line`: the id of the one that it had, alone; empty: nobody can tell.
    // How often it has ended with this one, if that is enough to give the line up; else 0.
    std::uint64_t on_end(const std::string& line, Instant now) {
        const bool alone = suspects_;
        suspects_ = attempts_max_ > 0 || give_up_after_ > Duration{};
        if (!alone || line.empty()) return 0;
        auto& ends = ends_.try_emplace(line, Ends{now}).first->second;
        ++ends.times;
        const bool often = attempts_max_ > 0 && ends.times >= attempts_max_;
        const bool long_ago = give_up_after_ > Duration{} && now - ends.since >= give_up_after_;
        return (often || long_ago) && given_up_ < kInARow ? ends.times : 0;
    }
    // It is given up.
    void forget(const std::string& line) {
        ends_.erase(line);
        ++given_up_;
    }
    // All that was under way has been borne.
    void on_borne() {
        suspects_ = false;
        given_up_ = 0;
        ends_.clear();
    }

private:
    struct Ends {
        Instant since{};
        std::uint64_t times = 0;
    };
    std::uint64_t attempts_max_;
    Duration give_up_after_;
    bool suspects_ = false;
    int given_up_ = 0;  // since all was borne
    std::map<std::string, Ends> ends_;
};

}  // namespace presence::notifier
