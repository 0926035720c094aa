#pragma once

#include <cstddef>
#include <vector>

#include "common/time.hpp"

namespace presence::cli {

// Notices which trackers fall silent, and which are heard again: each says a tick a second.
//
// Pure. Times never go back.
class Hearing {
public:
    static constexpr Duration kSilent = 3s;

    // Nobody was heard before `now`, and each has kSilent from then.
    Hearing(std::size_t trackers, Instant now);
    void on_message(std::size_t tracker, Instant now);

    struct News {
        std::size_t tracker;
        bool silent;       // from now on; else it is heard again
        Duration silence;  // how long it was not heard
    };
    // What changed since the last call. Hand it all that came before: a pause of ours is nobody's
    // silence.
    [[nodiscard]] std::vector<News> tell(Instant now);
    // Never later than the next silence.
    [[nodiscard]] Instant next_wakeup() const;
    // Somebody was silent at some time.
    [[nodiscard]] bool missed() const { return missed_; }

private:
    struct One {
        Instant heard;
        bool silent = false;
        Duration silence{0};
        bool back = false;
    };
    std::vector<One> all_;
    bool missed_ = false;
};

}  // namespace presence::cli
