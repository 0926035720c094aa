#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bugs.hpp"
#include "tests/simulation/world.hpp"

namespace presence::simulation {

// One world to run.
struct Run {
    std::uint64_t seed = 0;
    Bug bug = Bug::none;
    // Of the faults that the seed draws, by their numbers; nothing: all.
    std::optional<std::vector<std::size_t>> faults;
    Walls walls = Walls::as_drawn;
    bool broken = false;  // breaks an invariant, to see that it is told
};

// What became of it.
struct Outcome {
    std::string failure;  // empty: every promise was kept
    Time time = 0;        // it ended
    Coverage coverage;
    Judged judged;
    std::size_t faults = 0;  // that the seed draws
    std::uint64_t digest = 0;
};

// In this process, as nothing else.
[[nodiscard]] Outcome run_world(const Run& run, Trace trace);

// Each world in a process of its own, as a core that breaks an invariant ends it; `jobs` at once.
// `done` hears of them in order; no more are begun once it returns false.
void run_worlds(const std::vector<Run>& runs, unsigned jobs,
                const std::function<bool(const Run&, const Outcome&)>& done);

// What is wrong, and the line that runs it again.
void print_failure(const Run& run, const Outcome& outcome);

// The name of a bug as the command line has it.
[[nodiscard]] std::string_view name_of(Bug bug);
[[nodiscard]] std::optional<Bug> bug_of(std::string_view name);

}  // namespace presence::simulation
