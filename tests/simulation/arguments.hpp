#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/bugs.hpp"
#include "tests/simulation/world.hpp"

namespace presence::simulation {

struct Arguments {
    enum class Mode { run, check_bug, find_bugs, shrink, walls } mode = Mode::run;
    std::uint64_t first = 0;
    std::uint64_t last = 99;
    unsigned jobs = 0;  // 0: as many as there are cores
    bool complete = false;
    bool trace = false;
    bool broken = false;
    std::string user;
    Bug bug = Bug::none;
    Walls walls = Walls::as_drawn;
    std::string bugs_file;
    std::optional<std::vector<std::size_t>> faults;
};

// Nothing if they make no sense.
[[nodiscard]] std::optional<Arguments> parse(int argc, char** argv);

extern const char* const kUsage;

}  // namespace presence::simulation
