#include "common/config/config.hpp"

#include <algorithm>

#include "common/config/read.hpp"
#include "common/config/schema.hpp"
#include "common/config/suggest.hpp"

namespace presence {
namespace {

constexpr std::size_t kFileBytesMax = 16u << 20;

std::string text_of_file(const std::string& file, FileKind kind) {
    try {
        return contents_of(file, kFileBytesMax, kind);
    } catch (const UnreadableFile& e) {
        throw ConfigError(file + ": cannot be read: " + e.what());
    }
}

constexpr std::string_view kPrefix = "PRESENCE_";

// Settings are lower case in the file and upper case in the environment.
std::string upper(std::string_view key) {
    std::string out;
    for (const char c : key)
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::string flag_of(const std::string& key) {
    std::string flag = "--" + key;
    for (char& c : flag)
        if (c == '_') c = '-';
    return flag;
}

template <class Error>
void apply(const Setting& setting, const std::string& text, const std::string& source,
           PresenceConfig& presence) {
    const auto fault = set_from_text(setting, text, &presence);
    if (!fault.empty()) throw Error(source + " " + fault + ", not `" + text + "`");
}

void apply_environment(const std::map<std::string, std::string>& environment, Config& config) {
    std::vector<std::string> names;
    for (const auto key : presence_schema().keys())
        names.push_back(upper(key));
    names.emplace_back("CONFIG");  // which file it is
    for (const auto& [variable, text] : environment) {
        const std::string name = variable.substr(kPrefix.size());
        if (name == "CONFIG") continue;
        const auto found = std::find(names.begin(), names.end(), name);
        if (found != names.end()) {
            apply<ConfigError>(
                presence_schema().settings[static_cast<std::size_t>(found - names.begin())], text,
                variable, config.presence);
            continue;
        }
        // Other software may own such a name (Kubernetes sets PRESENCE_PORT for a service called
        // presence); what looks like a slip of ours must not pass silently.
        const std::string meant = nearest(name, {names.begin(), names.end()});
        if (!meant.empty())
            throw ConfigError("environment: unknown variable " + variable + "; did you mean " +
                              std::string(kPrefix) + meant + "?");
        config.warnings.push_back("environment variable " + variable + " is no setting: ignored");
    }
}

void apply_flags(const std::map<std::string, std::string>& flags, PresenceConfig& presence) {
    for (const auto& [key, text] : flags) {
        const Setting* setting = find_setting(presence_schema(), key);
        if (setting == nullptr) throw FlagError("unknown setting `" + key + "`");
        apply<FlagError>(*setting, text, flag_of(key), presence);
    }
}

// `before`: as file and defaults have it.
void note_overrides(const PresenceConfig& before, const std::map<std::string, std::string>& flags,
                    Config& config) {
    for (const auto& setting : presence_schema().settings) {
        auto without = toml_of(setting, &before);
        if (without == toml_of(setting, &config.presence)) continue;
        const std::string key(setting.key);
        auto by = flags.contains(key) ? flag_of(key) : std::string(kPrefix) + upper(key);
        config.overrides.push_back({setting.key, std::move(by), std::move(without)});
    }
}

// A list of trackers and its version go together.
void warn_of_map_version(Config& config) {
    for (const auto& [key, by, without] : config.overrides)
        if (key == "map_version" && by.starts_with(kPrefix) && !config.file.empty())
            config.warnings.push_back("map_version is " +
                                      std::to_string(config.presence.map_version) + " by " + by +
                                      ", not " + without + " as without it: to raise it in " +
                                      config.file + " changes nothing");
}

// Fit to be used: what lies below data_root is named by its whole path.
void finish(Config& config, const ConfigOrigin& origin) {
    const auto place = [&](std::string& path) {
        if (!config.presence.data_root.empty() && !path.empty() && path[0] != '/')
            path = config.presence.data_root + "/" + path;
    };
    for (auto& tracker : config.trackers)
        place(tracker.data);
    for (auto& notifier : config.notifiers)
        place(notifier.data);
    for (auto& sink : config.sinks)
        place(sink.path);
    check_config(config, origin);
}

}  // namespace

Config load_config(const std::optional<std::string>& file,
                   const std::map<std::string, std::string>& environment,
                   const std::map<std::string, std::string>& flags, FileKind kind) {
    ConfigOrigin origin;
    Config config;
    if (file) {
        origin.file = *file;
        config = read_config(parse_toml(text_of_file(*file, kind), *file), origin);
        config.file = *file;
        complete_config(config, origin);
        if (!origin.faults.empty()) check_config(config, origin);  // throws, with all of them
    } else {
        config = default_config();
    }
    const PresenceConfig before = config.presence;
    apply_environment(environment, config);
    const Config without_flags = config;
    apply_flags(flags, config.presence);
    note_overrides(before, flags, config);
    warn_of_map_version(config);
    try {
        finish(config, origin);
    } catch (const ConfigError& e) {
        if (flags.empty()) throw;
        Config without = without_flags;
        finish(without, origin);  // throws: it is not the flags'
        throw FlagError(e.what());
    }
    return config;
}

SlotMap slot_map_of(const Config& config) {
    std::vector<std::string> ids;
    for (const auto& tracker : config.trackers)
        ids.push_back(tracker.id);
    return SlotMap::rendezvous(config.presence.map_version, std::move(ids));
}

// What is written to a terminal or a pipe begins anew with the process.
std::string directory_of(const Config& config, const SinkConfig& sink) {
    if (sink.type == SinkType::standard_output) return {};
    const auto notifier = std::find_if(config.notifiers.begin(), config.notifiers.end(),
                                       [&](const auto& n) { return n.id == sink.notifier; });
    return notifier == config.notifiers.end() ? std::string() : notifier->data + "/" + sink.name;
}

}  // namespace presence
