#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "common/time.hpp"
#include "tracker/evidence/failure_detector.hpp"

namespace presence::tracker {

// Which collectors' runs are to be acknowledged, and up to which frame. An acknowledgement tells
// two things: that the run was heard, which may be told at any time, and what is applied, which is
// told only once all batches that came of it are written: a restart would not know it.
//
// Pure. Times never go back. Holds as many runs as the failure detector, at most.
class Acks {
public:
    // A run that is heard is told so at least each 500 ms, however long its frames wait for the
    // disk: its read lease is renewed by nothing else.
    static constexpr Duration kHeardInterval = 500ms;

    // A frame came. `at_once`: it was no new one, so what was told before may be lost.
    void on_frame(FailureDetector::RunId run, std::string_view peer, bool at_once);
    // Rows of it were another tracker's.
    void on_moved(FailureDetector::RunId run, std::uint64_t rows);
    // All runs are told, as those whose frames were not taken can now send them again.
    void all_due();

    // Once a turn, after its frames were applied and `batch`, the last one, is known. `written`:
    // all batches up to that one are. fn(peer, view, applied, moved) for each that is due.
    template <class Fn>
    void turn(const FailureDetector& detector, std::uint64_t batch, std::uint64_t written,
              Instant now, Fn&& fn) {
        for (auto it = runs_.begin(); it != runs_.end();) {
            auto& [key, run] = *it;
            const auto view = detector.view_of({key.first, key.second}, now);
            if (!view) {
                it = runs_.erase(it);
                continue;
            }
            if (run.take_due(view->applied, batch, written, now))
                fn(run.peer, *view, run.applied, run.moved);
            ++it;
        }
    }

private:
    struct Run {
        std::string peer;
        // Frames up to `frame` are written with `batch`.
        struct Waiting {
            std::uint64_t frame = 0;
            std::uint64_t batch = 0;
        };
        std::deque<Waiting> waiting;
        std::uint64_t applied = 0;  // and written
        std::uint64_t moved = 0;    // rows
        bool heard = false;         // since it was told last
        bool due = false;
        Instant told{};

        [[nodiscard]] bool take_due(std::uint64_t frame, std::uint64_t batch, std::uint64_t written,
                                    Instant now);
    };
    using Key = std::pair<std::string, std::uint64_t>;  // collector, boot
    std::map<Key, Run> runs_;
};

}  // namespace presence::tracker
