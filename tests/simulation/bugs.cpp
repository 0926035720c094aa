#include "tests/simulation/bugs.hpp"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/simulation/runner.hpp"

namespace presence::simulation {
namespace {

constexpr std::size_t kRecorded = 3;

std::vector<std::uint64_t> recorded_seeds(const std::string& path, std::string_view bug) {
    std::ifstream file(path);
    std::vector<std::uint64_t> seeds;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        if (!(words >> name) || name != bug) continue;
        for (std::uint64_t seed; words >> seed;)
            seeds.push_back(seed);
    }
    return seeds;
}

bool passes(std::uint64_t seed) {
    bool good = false;
    run_worlds({{seed, Bug::none, {}, Walls::as_drawn, false}}, 1,
               [&](const Run&, const Outcome& outcome) { return good = outcome.failure.empty(); });
    return good;
}

// The first seeds that find the bug, and pass without it; how many were tried.
std::uint64_t search(const Arguments& arguments, Bug bug, std::vector<std::uint64_t>& found) {
    std::vector<Run> runs;
    for (auto seed = arguments.first; seed <= arguments.last; ++seed)
        runs.push_back({seed, bug, {}, Walls::as_drawn, false});
    std::uint64_t tried = 0;
    run_worlds(runs, arguments.jobs, [&](const Run& run, const Outcome& outcome) {
        ++tried;
        if (!outcome.failure.empty() && passes(run.seed)) {
            found.push_back(run.seed);
            std::fprintf(stderr, "%s, seed %llu: %s\n", std::string(name_of(bug)).c_str(),
                         static_cast<unsigned long long>(run.seed), outcome.failure.c_str());
        }
        return found.size() < kRecorded;
    });
    return tried;
}

}  // namespace

int check_bug(const Arguments& arguments) {
    const auto seeds = recorded_seeds(arguments.bugs_file, name_of(arguments.bug));
    std::vector<Run> runs;
    for (const auto seed : seeds) {
        runs.push_back({seed, arguments.bug, {}, Walls::as_drawn, false});
        runs.push_back({seed, Bug::none, {}, Walls::as_drawn, false});
    }
    bool good = !seeds.empty();
    if (!good) std::puts("no seed is recorded for this bug");
    run_worlds(runs, arguments.jobs, [&](const Run& run, const Outcome& outcome) {
        const bool finds = !outcome.failure.empty();
        const bool should = run.bug != Bug::none;
        std::printf("seed %llu %s the bug: %s\n", static_cast<unsigned long long>(run.seed),
                    should ? "with" : "without", finds ? outcome.failure.c_str() : "passes");
        good = good && finds == should;
        return true;
    });
    return good ? 0 : 1;
}

int find_bugs(const Arguments& arguments) {
    bool all = true;
    for (std::size_t i = 1; i < static_cast<std::size_t>(Bug::count_); ++i) {
        const auto bug = static_cast<Bug>(i);
        if (arguments.bug != Bug::none && arguments.bug != bug) continue;
        std::vector<std::uint64_t> found;
        const auto tried = search(arguments, bug, found);
        std::printf("%-26s", std::string(name_of(bug)).c_str());
        for (const auto seed : found)
            std::printf(" %llu", static_cast<unsigned long long>(seed));
        std::printf("  # of %llu\n", static_cast<unsigned long long>(tried));
        std::fflush(stdout);
        all = all && !found.empty();
    }
    return all ? 0 : 1;
}

}  // namespace presence::simulation
