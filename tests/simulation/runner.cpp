#include "tests/simulation/runner.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <type_traits>

#include "common/check.hpp"
#include "tests/simulation/children.hpp"

namespace presence::simulation {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Bug::count_)> kBugs{
    "none",
    "watermark_before_drain",
    "watermark_before_backlog",
    "behind_forgotten",
    "stall_forgotten",
    "input_stall_ignored",
    "drops_untold",
    "isolated_reads_on",
    "bye_displaced",
    "stood_still_believed",
    "watermark_skipped",
    "watermark_late",
    "lift_forgotten",
    "lift_keeps_bye",
    "sightings_ignored",
    "unwitnessed_ignored",
    "jump_ignored",
    "newest_run_only",
    "start_not_lifted",
    "frame_applied_twice",
    "frame_hole_ignored",
    "applied_forgotten",
    "bye_at_once",
    "bye_before_read",
    "revived_after_bye",
    "session_limit_drops",
    "shared_session_ends",
    "published_first",
    "wall_clock_heard",
    "edge_not_held",
    "edge_silence_forgotten",
    "edge_held_on",
    "edge_lost_at_once",
    "freeze_short",
    "held_for_ever",
    "stale_untold",
    "lists_ignored",
    "fed_again_not_lifted",
    "epoch_unheard",
    "gap_ignored",
    "old_run_accepted",
    "evidence_ignored",
    "cursor_first",
};

// From a child to its parent, the failure behind it.
struct Numbers {
    Time time;
    Coverage coverage;
    Judged judged;
    std::size_t faults;
    std::uint64_t digest;
};
static_assert(std::is_trivially_copyable_v<Numbers>);

std::string encode(const Outcome& outcome) {
    const Numbers numbers{outcome.time, outcome.coverage, outcome.judged, outcome.faults,
                          outcome.digest};
    std::string bytes(sizeof numbers, '\0');
    std::memcpy(bytes.data(), &numbers, sizeof numbers);
    return bytes + outcome.failure;
}

Outcome decode(const std::optional<std::string>& bytes) {
    Outcome outcome;
    outcome.failure = "the process died";
    if (!bytes) return outcome;
    Numbers numbers{};
    PRESENCE_CHECK(bytes->size() >= sizeof numbers, "a child told half of it");
    std::memcpy(static_cast<void*>(&numbers), bytes->data(), sizeof numbers);
    return {bytes->substr(sizeof numbers),
            numbers.time,
            numbers.coverage,
            numbers.judged,
            numbers.faults,
            numbers.digest};
}

void choose(Bug bug) {
#ifdef PRESENCE_TEST_BUGS
    chosen_bug = bug;
#else
    PRESENCE_CHECK(bug == Bug::none, "built without PRESENCE_TEST_BUGS");
#endif
}

}  // namespace

Outcome run_world(const Run& run, Trace trace) {
    choose(run.bug);
    PRESENCE_CHECK(!run.broken, "broken on purpose");
    World world(run.seed, std::move(trace), run.faults, run.walls);
    auto failure = world.run();
    return {std::move(failure), world.virtual_time(), world.coverage(),
            world.judged(),     world.faults(),       world.digest()};
}

void run_worlds(const std::vector<Run>& runs, unsigned jobs,
                const std::function<bool(const Run&, const Outcome&)>& done) {
    in_children(
        runs.size(), jobs,
        [&](std::size_t i) {
            return encode(run_world(runs[i], {false, {}}));
        },
        [&](std::size_t i, const std::optional<std::string>& told) {
            return done(runs[i], decode(told));
        });
}

void print_failure(const Run& run, const Outcome& outcome) {
    const auto seed = std::to_string(run.seed);
    std::string again = "presence-simulation --seed " + seed;
    if (run.bug != Bug::none) again += " --bug " + std::string(name_of(run.bug));
    if (run.faults) {
        again += " --faults ";
        for (const auto& fault : *run.faults)
            again += (again.back() == ' ' ? "" : ",") + std::to_string(fault);
        if (run.faults->empty()) again += "none";
    }
    std::printf("seed %s at %.6f s: %s\n  again: %s --trace\n", seed.c_str(),
                static_cast<double>(outcome.time) / 1e6, outcome.failure.c_str(), again.c_str());
    std::fflush(stdout);
}

std::string_view name_of(Bug bug) {
    return kBugs[static_cast<std::size_t>(bug)];
}

std::optional<Bug> bug_of(std::string_view name) {
    for (std::size_t i = 0; i < kBugs.size(); ++i)
        if (kBugs[i] == name) return static_cast<Bug>(i);
    return std::nullopt;
}

}  // namespace presence::simulation
