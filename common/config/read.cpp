#include "common/config/read.hpp"

#include <algorithm>

#include "common/config/settings.hpp"
#include "common/config/suggest.hpp"

namespace presence {
namespace {

using Kind = ConfigNode::Kind;

std::string quoted(const std::string& key) {
    return "`" + key + "`";
}

std::string shown(const ConfigNode& value) {
    switch (value.kind) {
        case Kind::text:
            return quoted(value.text.size() <= 60 ? value.text : value.text.substr(0, 57) + "...");
        case Kind::integer:
            return std::to_string(value.integer);
        case Kind::boolean:
            return value.boolean ? "true" : "false";
        default:
            return std::string(name_of(value.kind));
    }
}

// One table, each of whose keys must be taken by a reader below.
class Table {
public:
    Table(const ConfigNode& node, std::string title, std::string place,
          const std::vector<std::string_view>& known, ConfigOrigin& origin)
        : node_(node), title_(std::move(title)), place_(std::move(place)), origin_(origin) {
        origin_.lines[place_] = node.line;
        for (std::size_t i = 0; i < node.table.size(); ++i) {
            const auto& key = node.table[i].key;
            origin_.lines[place_ + "/" + key] = node.key_lines[i];
            if (std::find(known.begin(), known.end(), key) != known.end()) continue;
            origin_.gather([&] {
                origin_.fail(place_ + "/" + key, "unknown key " + quoted(key) + " in " + title_ +
                                                     did_you_mean_or_which(key, known));
            });
        }
    }

    void text(const std::string& key, std::string& into) const {
        const ConfigNode* value = find(key, Kind::text, "a text in quotes");
        if (value == nullptr) return;
        // Also ids: left to the check, an empty one would pass for one that is left out.
        const bool id = key == "id" || key == "name";
        if (value->text.empty())
            fault(key,
                  id ? "is 1 to 64 of the characters A-Z a-z 0-9 . _ -"
                     : "is at least 1 byte long; leave it out for its default",
                  *value);
        else if (value->text.find('\0') != std::string::npos)
            fault(key, "must not contain U+0000", *value);
        else
            into = value->text;
    }

    void number(const std::string& key, std::int64_t low, std::int64_t high,
                std::uint64_t& into) const {
        const ConfigNode* value = find(key, Kind::integer, "a whole number");
        if (value == nullptr) return;
        if (value->integer < low || value->integer > high)
            return fault(key,
                         "must lie between " + std::to_string(low) + " and " + std::to_string(high),
                         *value);
        into = static_cast<std::uint64_t>(value->integer);
    }

    void flag(const std::string& key, bool& into) const {
        const ConfigNode* value = find(key, Kind::boolean, "true or false");
        if (value != nullptr) into = value->boolean;
    }

    void duration(const std::string& key, Duration low, Duration high, Duration& into) const {
        const ConfigNode* value = find(key, Kind::text, "a duration in quotes, such as \"30s\"");
        if (value == nullptr) return;
        const auto duration = parse_duration(value->text);
        if (!duration) return fault(key, "must be a duration such as 30s, 500ms, 2m or 1h", *value);
        if (*duration < low || *duration > high)
            return fault(
                key, "must lie between " + format_duration(low) + " and " + format_duration(high),
                *value);
        if (*duration % 1ms != Duration{}) return fault(key, "must be whole milliseconds", *value);
        into = *duration;
    }

    void texts(const std::string& key, std::vector<std::string>& into) const {
        const ConfigNode* value = find(key, Kind::list, "a list of texts");
        if (value == nullptr) return;
        for (const auto& element : value->list) {
            if (element.kind != Kind::text || element.text.find('\0') != std::string::npos)
                return fault(key, "must be a list of texts, each without U+0000", element);
            into.push_back(element.text);
        }
    }

    void setting(const Setting& setting, PresenceConfig& into) const {
        const std::string key(setting.key);
        std::string wrong;
        const ConfigNode* value = nullptr;
        if (std::holds_alternative<bool PresenceConfig::*>(setting.member)) {
            value = find(key, Kind::boolean, "true or false");
            if (value != nullptr) wrong = set_number(setting, value->boolean, into);
        } else if (std::holds_alternative<std::uint64_t PresenceConfig::*>(setting.member)) {
            value = find(key, Kind::integer, "a whole number");
            if (value != nullptr) wrong = set_number(setting, value->integer, into);
        } else {
            const bool duration =
                std::holds_alternative<Duration PresenceConfig::*>(setting.member);
            value = find(key, Kind::text,
                         duration ? "a duration in quotes, such as \"30s\"" : "a text in quotes");
            if (value != nullptr) wrong = set_from_text(setting, value->text, into);
        }
        if (!wrong.empty()) fault(key, wrong, *value);
    }

private:
    [[nodiscard]] const ConfigNode* find(const std::string& key, Kind kind,
                                         const std::string& expected) const {
        for (const auto& [name, value] : node_.table) {
            if (name != key) continue;
            if (value.kind == kind) return &value;
            fault(key, "must be " + expected, value);
        }
        return nullptr;
    }

    void fault(const std::string& key, const std::string& message, const ConfigNode& value) const {
        origin_.gather([&] {
            origin_.fail(place_ + "/" + key,
                         quoted(key) + " in " + title_ + " " + message + ", not " + shown(value));
        });
    }

    const ConfigNode& node_;
    std::string title_;
    std::string place_;
    ConfigOrigin& origin_;
};

CollectorConfig read_collector(const ConfigNode& node, const std::string& place,
                               ConfigOrigin& origin) {
    const Table table(node, "[[collector]]", place, {"id", "heartbeats", "heartbeats_bind"},
                      origin);
    CollectorConfig out;
    table.text("id", out.id);
    table.text("heartbeats", out.heartbeats);
    table.text("heartbeats_bind", out.heartbeats_bind);
    return out;
}

TrackerConfig read_tracker(const ConfigNode& node, const std::string& place, ConfigOrigin& origin) {
    const Table table(
        node, "[[tracker]]", place,
        {"id", "ingest", "events", "query", "ingest_bind", "events_bind", "query_bind", "data"},
        origin);
    TrackerConfig out;
    table.text("id", out.id);
    table.text("ingest", out.ingest);
    table.text("events", out.events);
    table.text("query", out.query);
    table.text("ingest_bind", out.ingest_bind);
    table.text("events_bind", out.events_bind);
    table.text("query_bind", out.query_bind);
    table.text("data", out.data);
    return out;
}

NotifierConfig read_notifier(const ConfigNode& node, const std::string& place,
                             ConfigOrigin& origin) {
    const Table table(node, "[[notifier]]", place, {"id", "data"}, origin);
    NotifierConfig out;
    table.text("id", out.id);
    table.text("data", out.data);
    return out;
}

void read_webhook(const Table& table, WebhookConfig& out) {
    table.text("url", out.url);
    table.text("secret_file", out.secret_file);
    table.text("secret_env", out.secret_env);
    table.duration("timeout", 100ms, 10min, out.timeout);
    table.duration("connect_timeout", 100ms, 10min, out.connect_timeout);
    table.number("batch_max", 1, 5'000, out.batch_max);
    table.flag("allow_private", out.allow_private);
    table.flag("allow_plaintext", out.allow_plaintext);
    table.text("proxy", out.proxy);
    table.text("ca_file", out.ca_file);
}

SinkConfig read_sink(const ConfigNode& node, const std::string& place, ConfigOrigin& origin) {
    const Table table(node, "[[sink]]", place,
                      {"name",
                       "notifier",
                       "type",
                       "format",
                       "path",
                       "command",
                       "acknowledge",
                       "mode",
                       "queue_max",
                       "attempts_max",
                       "dead_max",
                       "url",
                       "secret",
                       "secret_file",
                       "secret_env",
                       "timeout",
                       "connect_timeout",
                       "batch_max",
                       "allow_private",
                       "allow_plaintext",
                       "proxy",
                       "ca_file"},
                      origin);
    SinkConfig out;
    table.text("name", out.name);
    table.text("notifier", out.notifier);
    table.text("type", out.type);
    table.text("format", out.format);
    table.text("path", out.path);
    table.texts("command", out.command);
    table.flag("acknowledge", out.acknowledge);
    table.text("mode", out.mode);
    table.number("queue_max", 1, 100'000'000, out.queue_max);
    table.number("attempts_max", 0, 1'000'000, out.attempts_max);
    table.number("dead_max", 1, 10'000'000, out.dead_max);
    read_webhook(table, out.webhook);
    return out;
}

// [[name]]: a list of tables.
template <class Part>
void read_list(const std::string& name, const ConfigNode& value, ConfigOrigin& origin,
               Part (*read)(const ConfigNode&, const std::string&, ConfigOrigin&),
               std::vector<Part>& out) {
    const bool tables =
        value.kind == Kind::list && std::all_of(value.list.begin(), value.list.end(),
                                                [](auto& v) { return v.kind == Kind::table; });
    if (!tables)
        origin.fail(name, "there may be several of " + quoted(name) + ": write [[" + name +
                              "]], with two brackets");
    for (std::size_t i = 0; i < value.list.size(); ++i)
        out.push_back(read(value.list[i], name + "/" + std::to_string(i), origin));
}

}  // namespace

void ConfigOrigin::fail(const std::string& place, const std::string& message) const {
    const std::string where = file.empty() ? "built-in configuration" : file;
    const std::string table = place.substr(0, place.find('/', place.find('/') + 1));
    for (std::string at = place; !at.empty();) {
        if (const auto found = lines.find(at); found != lines.end())
            throw ConfigFault(where + ":" + std::to_string(found->second) + ": " + message,
                              found->second, table);
        const auto slash = at.rfind('/');
        at.resize(slash == std::string::npos ? 0 : slash);
    }
    throw ConfigFault(where + ": " + message, 0, table);
}

void ConfigOrigin::throw_gathered() const {
    if (faults.empty()) return;
    auto gathered = std::exchange(faults, {});
    std::stable_sort(gathered.begin(), gathered.end(),
                     [](const ConfigFault& a, const ConfigFault& b) { return a.line < b.line; });
    std::string all;
    for (const auto& fault : gathered) {
        std::string line = fault.what();
        std::replace(line.begin(), line.end(), '\n', ' ');
        all.append(all.empty() ? "" : "\n").append(line);
    }
    throw ConfigError(all);
}

Config read_config(const ConfigNode& top, ConfigOrigin& origin) {
    const std::vector<std::string_view> known{"presence", "collector", "tracker", "notifier",
                                              "sink"};
    Config config;
    for (std::size_t i = 0; i < top.table.size(); ++i) {
        const auto& name = top.table[i].key;
        const auto& value = top.table[i].value;
        origin.lines[name] = top.key_lines[i];
        origin.gather([&] {
            if (name == "presence") {
                if (value.kind != Kind::table)
                    origin.fail(name, "there is one `presence`: write [presence]");
                const Table table(value, "[presence]", name, setting_keys(), origin);
                for (const auto& setting : presence_settings())
                    table.setting(setting, config.presence);
            } else if (name == "collector") {
                read_list(name, value, origin, read_collector, config.collectors);
            } else if (name == "tracker") {
                read_list(name, value, origin, read_tracker, config.trackers);
            } else if (name == "notifier") {
                read_list(name, value, origin, read_notifier, config.notifiers);
            } else if (name == "sink") {
                read_list(name, value, origin, read_sink, config.sinks);
            } else if (find_setting(name) != nullptr) {
                origin.fail(name, quoted(name) + " belongs under [presence]");
            } else {
                origin.fail(name,
                            "unknown " +
                                std::string(value.kind == Kind::table || value.kind == Kind::list
                                                ? "table "
                                                : "key ") +
                                quoted(name) + did_you_mean_or_which(name, known));
            }
        });
    }
    return config;
}

}  // namespace presence
