#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench/truth.hpp"

namespace presence::cli {

struct BenchReport {
    std::uint64_t users = 0;
    std::uint64_t sent = 0;     // in the load, without the first round
    std::uint64_t applied = 0;  // of those, by the trackers; the others were merged by a collector
    double seconds = 0;         // until all that was sent was applied
    std::uint64_t transitions = 0;
    std::uint64_t transitions_in_load = 0;
    std::vector<Duration> lateness;  // of every offline
    struct Sink {
        std::uint64_t lines_in_load = 0;
        std::uint64_t lines = 0;
        double seconds_behind = 0;  // after the load, until it had written what was told by then
    };
    std::optional<Sink> sink;
    struct Process {
        std::string name;        // without quotes and control characters
        double cpu_seconds = 0;  // in the load
        double bytes_per_user = 0;
    };
    std::vector<Process> processes;

    BenchTruth::Faults wrong;
    std::uint64_t missing = 0;  // transitions
    std::uint64_t batches_lost = 0;
    std::uint64_t restarts = 0;
    [[nodiscard]] bool good() const {
        return wrong.total() + missing + batches_lost + restarts == 0 &&
               (!sink || sink->lines == transitions);
    }
};

// A bar of what is done, from 0 to 1, with `more` behind it, in less than `columns`: a line that is
// wrapped cannot be drawn over.
[[nodiscard]] std::string progress_line(std::string_view what, double done, std::string_view more,
                                        std::size_t columns);

// Reorder nothing but `lateness`.
[[nodiscard]] std::string text_of(BenchReport& report);
// One JSON object in a line.
[[nodiscard]] std::string json_of(BenchReport& report);

}  // namespace presence::cli
