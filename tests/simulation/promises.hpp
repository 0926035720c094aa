#pragma once

#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "common/wire/frame.hpp"
#include "tests/simulation/clock.hpp"
#include "tests/simulation/messages.hpp"
#include "tests/simulation/scheduler.hpp"

namespace presence::simulation {

// What a collector promises a tracker with each frame: every heartbeat that had come to the
// collector's machine by the frame's watermark is in it or in an earlier one, unless a later word
// of the same session took its place, it was older than its ttl, or the frame tells a loss.
//
// One a tracker. Of the same kind are, as in the backlog, heartbeats, those with a status, and
// byes.
class FramePromises {
public:
    // It came to the machine, and will be read.
    void arrived(const Beat& beat, Time now);
    // It was read: then its age is known, and that it need not be sent, being too old.
    void read(const Beat& beat, Time arrived, Time sent, Time now);
    // The list of trackers has changed, and `of(user)` are now the promises to the user's tracker:
    // what was not read yet goes there, but for what was lost when the input closed, at `closed`
    // the last time: a tracker that is told of that once gives all a whole ttl. The rest is left to
    // `here` if frames still come from it; of a tracker that is no more some may have been given up
    // without a word to others, who give its users a whole ttl.
    template <class Of>
    void reroute(bool stays, Time closed, Of&& of, FramePromises& here) {
        here.losses_ = stays ? losses_ : 0;
        for (auto& [key, all] : waiting_)
            for (const auto& waiting : all) {
                if (waiting.said == kNever && waiting.arrived > closed)
                    of(std::get<0>(key)).waiting_[key].push_back(waiting);
                else if (stays)
                    here.waiting_[key].push_back(waiting);
            }
    }
    // A frame that was not sent before. Returns what is wrong, or nothing.
    [[nodiscard]] std::string sent(const Frame& frame, const MachineClock& clock);

private:
    using Key = std::tuple<std::string, std::string, std::string, int>;
    struct Waiting {
        Time arrived;
        Time said;  // once it was read: when at the earliest
    };
    static Key key_of(const Beat& beat);

    std::map<Key, std::deque<Waiting>> waiting_;
    std::uint64_t losses_ = 0;
};

}  // namespace presence::simulation
