#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/config/config.hpp"

namespace presence::cli {

// A process of a configuration, by its id.
using Part = std::pair<ProcessKind, std::string>;
[[nodiscard]] std::string name_of(const Part& part);  // "tracker t1"

// All of them, in the order of starting: trackers first, as the others connect to them.
[[nodiscard]] std::vector<Part> parts_of(const Config& config);

// What a file that was read again changes for one who runs all of its processes.
struct Recast {
    std::vector<Part> start;  // in the order of starting
    std::vector<Part> end;
    std::vector<Part> restart;  // they stay, and go by what is new for them from a start only
    std::string refused;        // why nothing is changed at all; empty: it is
};

// `running` is what runs, `read` the file as it is now. Refused is a list of trackers that differs
// without a higher `map_version`, as nobody would go by it, and one that names none of the trackers
// that run: half of a file, most likely. Started again is whose own table has changed, and a
// notifier whose sinks have, or that is to follow other trackers; not whom a setting of [presence]
// concerns.
[[nodiscard]] Recast recast(const Config& running, const Config& read);

}  // namespace presence::cli
