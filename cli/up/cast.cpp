#include "cli/up/cast.hpp"

#include <algorithm>

#include "common/config/changes.hpp"

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

// What others go by: where a tracker keeps its data, and what it binds, is its own.
bool same_list(const Config& one, const Config& other) {
    const auto same = [](const TrackerConfig& a, const TrackerConfig& b) {
        return a.id == b.id && a.ingest == b.ingest && a.events == b.events && a.query == b.query;
    };
    return std::is_permutation(one.trackers.begin(), one.trackers.end(), other.trackers.begin(),
                               other.trackers.end(), same);
}

// Why `read` is not what is to run; empty: it is.
std::string refusal(const Config& running, const Config& read) {
    if (auto cut = cut_short(running, read); !cut.empty()) return cut;
    const auto stays = [&](const TrackerConfig& tracker) {
        return std::any_of(read.trackers.begin(), read.trackers.end(), [&](const auto& other) {
            return other.id == tracker.id && other.ingest == tracker.ingest;
        });
    };
    if (std::none_of(running.trackers.begin(), running.trackers.end(), stays))
        return "it names none of the trackers that run; is the file cut?";
    const auto version = running.presence.map_version;
    if (read.presence.map_version > version ||
        (read.presence.map_version == version && same_list(running, read)))
        return {};
    return "the list of trackers has changed, and its `map_version` is not above " +
           std::to_string(version) + ": raise it";
}

}  // namespace

std::string name_of(const Part& part) {
    return std::string(word_of(part.first)) + " " + part.second;
}

std::vector<Part> parts_of(const Config& config) {
    std::vector<Part> parts;
    for (const auto& tracker : config.trackers)
        parts.emplace_back(ProcessKind::tracker, tracker.id);
    for (const auto& collector : config.collectors)
        parts.emplace_back(ProcessKind::collector, collector.id);
    for (const auto& notifier : config.notifiers)
        parts.emplace_back(ProcessKind::notifier, notifier.id);
    return parts;
}

Recast recast(const Config& running, const Config& read) {
    if (auto why = refusal(running, read); !why.empty()) return {{}, {}, {}, std::move(why)};
    const auto now = parts_of(running);
    const auto wanted = parts_of(read);
    Recast out{without(wanted, now), without(now, wanted), {}, {}};
    auto before = running;
    before.presence = read.presence;
    before.presence.map_version = running.presence.map_version;
    for (const auto& part : wanted)
        if (holds(now, part) && !waiting_changes(before, read, part.first, part.second).empty())
            out.restart.push_back(part);
    return out;
}

}  // namespace presence::cli
