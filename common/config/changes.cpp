#include "common/config/changes.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace presence {

namespace {

// Of the table "tracker t2", and of "" for [presence]: value by key.
using Tables = std::map<std::string, std::map<std::string, std::string>>;

// From the printed form, which has every setting on a line of its own, the name of a table first.
Tables tables_of(const Config& config) {
    Tables tables;
    std::string kind;
    std::string table;
    std::istringstream lines(print_config(config));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.starts_with('#')) continue;
        if (line.starts_with('[')) {
            kind = line.starts_with("[[") ? line.substr(2, line.size() - 4) : "";
            table.clear();
            continue;
        }
        const auto equals = line.find(" = ");
        const auto key = line.substr(0, equals);
        const auto value = line.substr(equals + 3);
        if (!kind.empty() && table.empty()) table = kind + ' ' + value.substr(1, value.size() - 2);
        tables[table][key] = value;
    }
    return tables;
}

template <class Table>
void keep_only(const std::string& id, std::vector<Table>& tables) {
    std::erase_if(tables, [&](const Table& table) { return table.id != id; });
}

Config concerning(const std::string& kind, const std::string& id, Config config) {
    const bool notifies = kind == "notifier";
    keep_only(kind == "collector" ? id : "", config.collectors);
    keep_only(notifies ? id : "", config.notifiers);
    std::erase_if(config.sinks,
                  [&](const SinkConfig& sink) { return !notifies || sink.notifier != id; });
    return config;
}

}  // namespace

std::string changed_settings(const Config& before, const Config& after) {
    const auto old = tables_of(before);
    const auto now = tables_of(after);
    std::set<std::string> changed;
    for (const auto& [one, other] : {std::pair(&old, &now), std::pair(&now, &old)})
        for (const auto& [table, settings] : *one) {
            const auto there = other->find(table);
            if (there == other->end()) {
                changed.insert(table);
                continue;
            }
            for (const auto& [key, value] : settings)
                if (const auto same = there->second.find(key);
                    same == there->second.end() || same->second != value)
                    changed.insert(table.empty() ? key : table + ' ' + key);
        }
    std::string text;
    for (const auto& name : changed)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

std::string reload_refusal(const Config& running, const Config& read, const std::string& kind,
                           const std::string& id) {
    const auto has = [](const auto& tables, const std::string& wanted) {
        return std::any_of(tables.begin(), tables.end(),
                           [&](const auto& table) { return table.id == wanted; });
    };
    const bool there = kind == "collector" ? has(read.collectors, id)
                       : kind == "tracker" ? has(read.trackers, id)
                                           : has(read.notifiers, id);
    if (!there)
        return "it has no [[" + kind + "]] `" + id +
               "`, which is this process: end it first, if it is to go";
    if (read.presence.map_version <= running.presence.map_version) return {};
    std::string names;
    for (const auto& tracker : running.trackers) {
        for (const auto& other : read.trackers)
            if (other.id == tracker.id && other.ingest == tracker.ingest) return {};
        names += (names.empty() ? "" : ", ") + tracker.id + " at " + tracker.ingest;
    }
    return "its list of trackers, map_version " + std::to_string(read.presence.map_version) +
           ", has none of those that run (" + names +
           "): was the file cut short, or is it another installation's?";
}

std::string waiting_changes(const Config& running, const Config& read, const std::string& kind,
                            const std::string& id) {
    auto before = concerning(kind, id, running);
    auto after = concerning(kind, id, read);
    if (kind != "notifier" && read.presence.map_version > running.presence.map_version) {
        before.presence.map_version = after.presence.map_version;
        for (auto* config : {&before, &after})
            keep_only(kind == "tracker" ? id : "", config->trackers);
    }
    return changed_settings(before, after);
}

}  // namespace presence
