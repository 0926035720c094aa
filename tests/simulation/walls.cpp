#include "tests/simulation/walls.hpp"

#include <cstdio>
#include <vector>

#include "tests/simulation/runner.hpp"

namespace presence::simulation {

int compare_walls(const Arguments& arguments) {
    std::vector<Run> runs;
    for (auto seed = arguments.first; seed <= arguments.last; ++seed)
        for (const auto walls : {Walls::still, Walls::jumping})
            runs.push_back({seed, arguments.bug, arguments.faults, walls, false});
    std::size_t wrong = 0;
    Outcome still;
    run_worlds(runs, arguments.jobs, [&](const Run& run, const Outcome& outcome) {
        if (!outcome.failure.empty()) {
            ++wrong;
            std::puts(run.walls == Walls::still ? "with clocks that stand still:"
                                                : "with clocks that jump:");
            print_failure(run, outcome);
        } else if (run.walls == Walls::still) {
            still = outcome;
        } else if (outcome.digest != still.digest && still.failure.empty()) {
            ++wrong;
            std::printf(
                "seed %llu: other events, or at other times, when clocks on the wall jump\n",
                static_cast<unsigned long long>(run.seed));
        }
        return true;
    });
    std::printf("%zu seeds compared, %zu wrong\n", runs.size() / 2, wrong);
    return wrong > 0 ? 1 : 0;
}

}  // namespace presence::simulation
