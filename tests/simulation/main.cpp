#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include "common/check.hpp"
#include "tests/simulation/arguments.hpp"
#include "tests/simulation/bugs.hpp"
#include "tests/simulation/runner.hpp"
#include "tests/simulation/shrink.hpp"
#include "tests/simulation/walls.hpp"

namespace {

using namespace presence::simulation;

std::vector<Run> runs_of(const Arguments& arguments) {
    std::vector<Run> runs;
    for (auto seed = arguments.first; seed <= arguments.last; ++seed)
        runs.push_back({seed, arguments.bug, arguments.faults, arguments.walls, arguments.broken});
    return runs;
}

int trace(const Arguments& arguments) {
    const auto run = runs_of(arguments).front();
    const auto outcome = run_world(run, Trace(true, arguments.user));
    if (!outcome.failure.empty()) print_failure(run, outcome);
    return outcome.failure.empty() ? 0 : 1;
}

int run(const Arguments& arguments) {
    Coverage coverage;
    Judged judged;
    std::uint64_t failed = 0;
    double virtual_seconds = 0;
    const auto runs = runs_of(arguments);
    run_worlds(runs, arguments.jobs, [&](const Run& run, const Outcome& outcome) {
        coverage.add(outcome.coverage);
        judged.add(outcome.judged);
        virtual_seconds += static_cast<double>(outcome.time) / 1e6;
        if (outcome.failure.empty()) return true;
        ++failed;
        print_failure(run, outcome);
        return true;
    });
    std::printf("\n%s\n", coverage.table().c_str());
    std::printf("%zu seeds, %.0f virtual seconds, %llu failed\n%s", runs.size(), virtual_seconds,
                static_cast<unsigned long long>(failed), judged.table().c_str());
    const auto empty = coverage.empty_cells();
    if (arguments.complete && empty > 0)
        std::printf("%zu faults never met a place they can meet\n", empty);
    return failed > 0 || (arguments.complete && empty > 0) ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    auto arguments = parse(argc, argv);
    if (!arguments) {
        std::fputs(kUsage, stderr);
        return 64;
    }
    if (arguments->jobs == 0) arguments->jobs = std::max(1u, std::thread::hardware_concurrency());
    switch (arguments->mode) {
        case Arguments::Mode::check_bug:
            return check_bug(*arguments);
        case Arguments::Mode::find_bugs:
            return find_bugs(*arguments);
        case Arguments::Mode::shrink:
            return shrink(*arguments);
        case Arguments::Mode::walls:
            return compare_walls(*arguments);
        case Arguments::Mode::run:
            break;
    }
    return arguments->trace ? trace(*arguments) : run(*arguments);
}
