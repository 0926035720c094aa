#include "common/config/read.hpp"

#include <algorithm>
#include <array>

#include "common/config/schema.hpp"
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

// How a value has to be written, in the order of the types of Place.
struct Written {
    Kind kind;
    const char* as;
};
constexpr std::array<Written, std::variant_size_v<Place>> kWritten{
    {{Kind::text, "a text in quotes"},
     {Kind::list, "a list of texts"},
     {Kind::text, "a duration in quotes, such as \"30s\""},
     {Kind::integer, "a whole number"},
     {Kind::boolean, "true or false"},
     {Kind::text, "a text in quotes"}}};

// One table of the file.
class TableReader {
public:
    TableReader(const TableSchema& schema, std::string place, ConfigOrigin& origin)
        : schema_(schema), place_(std::move(place)), origin_(origin) {}

    void read(const ConfigNode& node, void* into) const {
        origin_.lines[place_] = node.line;
        for (std::size_t i = 0; i < node.table.size(); ++i)
            origin_.lines[place_ + "/" + node.table[i].key] = node.key_lines[i];
        for (const auto& [name, value] : node.table)
            origin_.gather([&, &key = name, &value = value] {
                const auto* setting = find_setting(schema_, key);
                if (setting == nullptr)
                    origin_.fail(place_ + "/" + key,
                                 "unknown key " + quoted(key) + " in " + schema_.title() +
                                     did_you_mean_or_which(key, schema_.keys()));
                if (setting->at != nullptr) set(*setting, value, into);
            });
    }

private:
    void set(const Setting& setting, const ConfigNode& value, void* table) const {
        const Place place = setting.at(table);
        const auto [kind, as] = kWritten[place.index()];
        if (value.kind != kind) fault(setting, std::string("must be ") + as, value);
        if (kind == Kind::list) {
            for (const auto& element : value.list) {
                if (element.kind != Kind::text || element.text.find('\0') != std::string::npos)
                    fault(setting, "must be a list of texts, each without U+0000", element);
                (void)set_from_text(setting, element.text, table);
            }
            return;
        }
        const bool duration = std::holds_alternative<Duration*>(place);
        if (schema_.list && kind == Kind::text && !duration) check_text_of(setting, value);
        const auto text = kind == Kind::text ? value.text : shown(value);
        const auto wrong = set_from_text(setting, text, table);
        if (wrong.empty()) return;
        if (const auto* choice = std::get_if<Choice>(&place); choice != nullptr && schema_.list)
            origin_.fail(place_ + "/" + std::string(setting.key), no_word(setting, *choice, value));
        fault(setting, wrong, value);
    }

    // A text that is left out has its default; an empty one is a slip.
    void check_text_of(const Setting& setting, const ConfigNode& value) const {
        if (value.text.empty())
            fault(setting,
                  setting.rule == TextRule::id
                      ? "is 1 to 64 of the characters A-Z a-z 0-9 . _ -"
                      : "is at least 1 byte long; leave it out for its default",
                  value);
        if (value.text.find('\0') != std::string::npos)
            fault(setting, "must not contain U+0000", value);
    }

    static std::string no_word(const Setting& setting, const Choice& choice,
                               const ConfigNode& value) {
        const std::string key(setting.key);
        if (choice.words.front().empty())  // one that has no default
            return "unknown " + key + " " + quoted(value.text) + " of a sink; there are " +
                   enumerated(choice.words, " and ") +
                   did_you_mean(value.text, {choice.words.begin() + 1, choice.words.end()});
        return quoted(key) + " must be one of " + enumerated(choice.words, ", ") + ", not " +
               quoted(value.text);
    }

    [[noreturn]] void fault(const Setting& setting, const std::string& message,
                            const ConfigNode& value) const {
        const std::string key(setting.key);
        origin_.fail(place_ + "/" + key, quoted(key) + " in " + schema_.title() + " " + message +
                                             ", not " + shown(value));
    }

    const TableSchema& schema_;
    std::string place_;
    ConfigOrigin& origin_;
};

void read_tables(const TableSchema& schema, const ConfigNode& value, ConfigOrigin& origin,
                 Config& config) {
    const std::string name(schema.name);
    const auto read = [&](const ConfigNode& node, const std::string& place) {
        TableReader(schema, place, origin).read(node, schema.add(config));
    };
    const auto table = [](const ConfigNode& node) { return node.kind == Kind::table; };
    if (!schema.list) {
        if (!table(value))
            origin.fail(name, "there is one " + quoted(name) + ": write " + schema.title());
        return read(value, name);
    }
    if (value.kind != Kind::list || !std::all_of(value.list.begin(), value.list.end(), table))
        origin.fail(name, "there may be several of " + quoted(name) + ": write " + schema.title() +
                              ", with two brackets");
    for (std::size_t i = 0; i < value.list.size(); ++i)
        read(value.list[i], name + "/" + std::to_string(i));
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
    std::vector<std::string_view> known;
    for (const auto& table : schema())
        known.push_back(table.name);
    Config config;
    for (std::size_t i = 0; i < top.table.size(); ++i) {
        const auto& [name, value] = top.table[i];
        origin.lines[name] = top.key_lines[i];
        origin.gather([&, &name = name, &value = value] {
            if (const auto* table = find_table(name))
                return read_tables(*table, value, origin, config);
            if (find_setting(presence_schema(), name) != nullptr)
                origin.fail(name, quoted(name) + " belongs under [presence]");
            const bool table = value.kind == Kind::table || value.kind == Kind::list;
            origin.fail(name, std::string("unknown ") + (table ? "table " : "key ") + quoted(name) +
                                  did_you_mean_or_which(name, known));
        });
    }
    return config;
}

}  // namespace presence
