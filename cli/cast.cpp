#include "cli/cast.hpp"

#include <algorithm>

namespace presence::cli {
namespace {

bool holds(const std::vector<Part>& parts, const Part& part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// The parts of `from` that `other` lacks.
std::vector<Part> without(const std::vector<Part>& from, const std::vector<Part>& other) {
    std::vector<Part> left;
    for (const auto& part : from)
        if (!holds(other, part)) left.push_back(part);
    return left;
}

std::vector<Part> trackers_in(const std::vector<Part>& parts) {
    std::vector<Part> trackers;
    for (const auto& part : parts)
        if (part.first == "tracker") trackers.push_back(part);
    return trackers;
}

}  // namespace

std::vector<Part> parts_of(const Config& config) {
    std::vector<Part> parts;
    for (const auto& tracker : config.trackers)
        parts.emplace_back("tracker", tracker.id);
    for (const auto& collector : config.collectors)
        parts.emplace_back("collector", collector.id);
    for (const auto& notifier : config.notifiers)
        parts.emplace_back("notifier", notifier.id);
    return parts;
}

Recast recast(const Config& running, const Config& read) {
    const auto now = parts_of(running);
    const auto wanted = parts_of(read);
    Recast out{without(wanted, now), without(now, wanted), {}, {}};
    const auto started = trackers_in(out.start);
    const auto ended = trackers_in(out.end);
    if (!running.trackers.empty() && ended.size() == running.trackers.size()) {
        out.start.clear();
        out.end.clear();
        out.refused = "it names none of the trackers that run; is the file cut?";
        return out;
    }
    if (started.empty() && ended.empty()) return out;
    if (read.presence.map_version <= running.presence.map_version) {
        for (auto* list : {&out.start, &out.end})
            std::erase_if(*list, [](const Part& part) { return part.first == "tracker"; });
        out.waiting = "the list of trackers has changed, and its map_version is not above " +
                      std::to_string(running.presence.map_version) + ": raise it";
    }
    return out;
}

}  // namespace presence::cli
