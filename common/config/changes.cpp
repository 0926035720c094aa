#include "common/config/changes.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/config/schema.hpp"

namespace presence {
namespace {

// Of the table "tracker t2", and of "" for [presence]: value by key.
using Tables = std::map<std::string, std::map<std::string, std::string>>;

Tables tables_of(const Config& config) {
    Tables tables;
    for (const auto& kind : schema())
        for (const auto* table : kind.all(config)) {
            auto& values = tables[kind.list ? std::string(kind.name) + ' ' +
                                                  text_of(kind.settings.front(), table)
                                            : std::string()];
            for (const auto* setting : kind.printed(table))
                values.emplace(setting->key, text_of(*setting, table));
        }
    return tables;
}

template <class Table>
void keep_only(const std::string& id, std::vector<Table>& tables) {
    std::erase_if(tables, [&](const Table& table) { return table.id != id; });
}

Config concerning(ProcessKind kind, const std::string& id, Config config) {
    keep_only(kind == ProcessKind::collector ? id : "", config.collectors);
    keep_only(kind == ProcessKind::notifier ? id : "", config.notifiers);
    config.sinks.clear();
    config.presence.log_level = {};
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

bool same_settings(const SinkConfig& one, const SinkConfig& other) {
    const auto& table = *find_table("sink");
    const auto says = [&](const SinkConfig& sink) {
        std::map<std::string_view, std::string> all;
        for (const auto* setting : table.printed(&sink))
            all.emplace(setting->key, toml_of(*setting, &sink));
        return all;
    };
    return says(one) == says(other);
}

std::string cut_short(const Config& running, const Config& read) {
    const auto& before = running.defaulted;
    const auto& now = read.defaulted;
    const char* const gone = now.collector && !before.collector ? "collector"
                             : now.tracker && !before.tracker   ? "tracker"
                             : now.notifier && !before.notifier ? "notifier"
                             : now.sink && !before.sink         ? "sink"
                                                                : nullptr;
    if (gone == nullptr) return {};
    return std::string("it has no [[") + gone + "]] any more: was the file cut short?";
}

std::string reload_refusal(const Config& running, const Config& read, ProcessKind kind,
                           const std::string& id) {
    if (auto cut = cut_short(running, read); !cut.empty()) return cut;
    const auto ids = ids_of(read, kind);
    if (std::find(ids.begin(), ids.end(), id) == ids.end())
        return "it has no [[" + std::string(word_of(kind)) + "]] `" + id +
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

std::string waiting_changes(const Config& running, const Config& read, ProcessKind kind,
                            const std::string& id) {
    auto before = concerning(kind, id, running);
    auto after = concerning(kind, id, read);
    if (kind != ProcessKind::notifier && read.presence.map_version > running.presence.map_version) {
        before.presence.map_version = after.presence.map_version;
        for (auto* config : {&before, &after})
            keep_only(kind == ProcessKind::tracker ? id : "", config->trackers);
    }
    return changed_settings(before, after);
}

}  // namespace presence
