#include "common/config/document.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "common/config/config.hpp"

namespace presence {
namespace {

ConfigNode convert(const toml::node& node) {
    ConfigNode out;
    out.line = static_cast<int>(node.source().begin.line);
    if (const auto* text = node.as_string()) {
        out.kind = ConfigNode::Kind::text;
        out.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        out.kind = ConfigNode::Kind::integer;
        out.integer = integer->get();
    } else if (const auto* boolean = node.as_boolean()) {
        out.kind = ConfigNode::Kind::boolean;
        out.boolean = boolean->get();
    } else if (const auto* list = node.as_array()) {
        out.kind = ConfigNode::Kind::list;
        for (const auto& element : *list)
            out.list.push_back(convert(element));
    } else if (const auto* table = node.as_table()) {
        out.kind = ConfigNode::Kind::table;
        struct Entry {
            std::string key;
            int line;
            ConfigNode value;
        };
        std::vector<Entry> entries;
        for (const auto& [key, value] : *table)
            entries.push_back({std::string(key.str()), static_cast<int>(key.source().begin.line),
                               convert(value)});
        std::stable_sort(entries.begin(), entries.end(),
                         [](const Entry& a, const Entry& b) { return a.line < b.line; });
        for (auto& entry : entries) {
            out.key_lines.push_back(entry.line);
            out.table.push_back({std::move(entry.key), std::move(entry.value)});
        }
    }
    return out;
}

// A duration without quotes is no TOML, and its error would not say what to write. `line` counts
// from 1. Empty: there is none.
std::string bare_duration(std::string_view text, std::size_t line) {
    std::istringstream lines{std::string(text)};
    std::string table;
    std::string at;
    for (std::size_t n = 0; n < line && std::getline(lines, at); ++n)
        if (const auto first = at.find_first_not_of(" \t"); first != at.npos && at[first] == '[')
            table = at.substr(first, at.find_last_of(']') - first + 1);
    const auto equals = at.find('=');
    if (equals == at.npos) return {};
    const auto word = [](std::string part) {
        part.erase(0, part.find_first_not_of(" \t\r"));
        return part.substr(0, part.find_first_of(" \t\r#"));
    };
    const auto value = word(at.substr(equals + 1));
    if (!parse_duration(value)) return {};
    return "`" + word(at.substr(0, equals)) + "`" + (table.empty() ? "" : " in " + table) +
           " must be a duration in quotes, such as \"30s\", not " + value;
}

}  // namespace

ConfigNode parse_toml(std::string_view text, const std::string& file) {
    try {
        return convert(toml::parse(text, file));
    } catch (const toml::parse_error& e) {
        if (const auto bare = bare_duration(text, e.source().begin.line); !bare.empty())
            throw ConfigError(file + ":" + std::to_string(e.source().begin.line) + ": " + bare);
        std::string message(e.description());
        std::replace(message.begin(), message.end(), '\n', ' ');
        // toml++ says so of the end of a line within quotes, too.
        if (message.find("unescaped control characters") != std::string::npos)
            message += "; is a closing quote missing?";
        throw ConfigError(file + ":" + std::to_string(e.source().begin.line) + ": " + message);
    }
}

std::string_view name_of(ConfigNode::Kind kind) {
    switch (kind) {
        case ConfigNode::Kind::text:
            return "a text";
        case ConfigNode::Kind::integer:
            return "a whole number";
        case ConfigNode::Kind::boolean:
            return "true or false";
        case ConfigNode::Kind::list:
            return "a list";
        case ConfigNode::Kind::table:
            return "a table";
        case ConfigNode::Kind::other:
            break;
    }
    return "a fraction, a date or another value that no setting takes";
}

}  // namespace presence
