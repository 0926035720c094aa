#include "tests/simulation/shrink.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <vector>

#include "tests/simulation/runner.hpp"

namespace presence::simulation {
namespace {

Outcome outcome_of(const Run& run) {
    Outcome outcome;
    run_worlds({run}, 1, [&](const Run&, const Outcome& o) {
        outcome = o;
        return true;
    });
    return outcome;
}

}  // namespace

int shrink(const Arguments& arguments) {
    Run run{arguments.first, arguments.bug, std::vector<std::size_t>{}, Walls::as_drawn, false};
    // Without any fault it tells at least how many there are.
    auto outcome = outcome_of(run);
    if (outcome.failure.empty()) {
        run.faults->resize(outcome.faults);
        std::iota(run.faults->begin(), run.faults->end(), std::size_t{0});
        outcome = outcome_of(run);
    }
    if (outcome.failure.empty()) {
        std::puts("this seed does not fail");
        return 1;
    }
    // Delta debugging by complements (Zeller and Hildebrandt, 2002).
    for (std::size_t length = (run.faults->size() + 1) / 2; length > 0 && !run.faults->empty();) {
        bool less = false;
        for (std::size_t from = 0; from < run.faults->size();) {
            auto fewer = run;
            const auto to = std::min(from + length, run.faults->size());
            fewer.faults->erase(fewer.faults->begin() + static_cast<std::ptrdiff_t>(from),
                                fewer.faults->begin() + static_cast<std::ptrdiff_t>(to));
            if (auto o = outcome_of(fewer); !o.failure.empty()) {
                run = std::move(fewer);
                outcome = std::move(o);
                less = true;
            } else {
                from = to;
            }
        }
        if (!less || length > 1) length = length == 1 ? 0 : (length + 1) / 2;
    }
    auto random = Random(run.seed);
    const auto shape = Shape::draw(random);
    for (const auto& fault : draw_faults(random, shape))
        if (std::count(run.faults->begin(), run.faults->end(), fault.number) > 0)
            std::printf("  %s\n", describe(fault).c_str());
    print_failure(run, outcome);
    return 0;
}

}  // namespace presence::simulation
