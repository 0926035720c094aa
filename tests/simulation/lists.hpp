#pragma once

#include <array>
#include <string>
#include <vector>

#include "common/slots.hpp"
#include "tests/simulation/plan.hpp"
#include "tests/simulation/random.hpp"

namespace presence::simulation {

// A list of trackers that is rolled out: each process takes it at a time of its own. Trackers that
// it drops end then, those that it adds start.
struct ListChange {
    struct Reload {
        Place place = Place::collector;
        std::size_t which = 0;
        Time at = 0;
        std::size_t map = 0;  // of `maps`
    };
    std::vector<SlotMap> maps;  // two of one version, if two operators do it at once
    std::vector<Reload> reloads;
    std::size_t number = 0;  // of its fault
};

// The lists of trackers of a world, the first and those that follow.
struct Lists {
    SlotMap first;
    std::vector<ListChange> changes;
    std::vector<Time> walls;  // how far each tracker's clock on the wall is off

    // In some worlds a list is changed, once or twice, each a fault of the plan: often with no
    // other one of what tells trackers who is there.
    static Lists draw(Random random, Shape& shape, std::vector<PlannedFault>& faults,
                      bool may_change);
};

[[nodiscard]] inline std::string tracker_name(std::size_t index) {
    return "t" + std::to_string(index);
}
// Which tracker of the world is that.
[[nodiscard]] inline std::size_t tracker_index(const std::string& name) {
    return std::stoul(name.substr(1));
}

}  // namespace presence::simulation
