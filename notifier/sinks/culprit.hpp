#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace presence::notifier {

// Which line ends a program. Nobody knows while many are under way: once the program has ended,
// lines are given one at a time, until all that were under way have been borne. A line with which
// it ends so often is to be given up.
//
// Pure.
class Culprit {
public:
    explicit Culprit(std::uint64_t attempts_max) : attempts_max_(attempts_max) {}

    // Lines are to be given one at a time.
    [[nodiscard]] bool suspects() const { return suspects_; }

    // The program has ended. `line`: the id of the one that it had, alone; empty: nobody can tell.
    // How often it has ended with this one, if that is enough to give the line up; else 0.
    std::uint64_t on_end(const std::string& line) {
        const bool alone = suspects_;
        suspects_ = attempts_max_ > 0;
        if (!alone || line.empty()) return 0;
        const auto ends = ++ends_[line];
        return ends >= attempts_max_ ? ends : 0;
    }
    // It is given up.
    void forget(const std::string& line) { ends_.erase(line); }
    // All that was under way has been borne.
    void on_borne() {
        suspects_ = false;
        ends_.clear();
    }

private:
    std::uint64_t attempts_max_;  // 0: nothing is ever given up
    bool suspects_ = false;
    std::map<std::string, std::uint64_t> ends_;
};

}  // namespace presence::notifier
