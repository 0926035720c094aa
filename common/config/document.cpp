#include "common/config/document.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>
#include <utility>

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

constexpr std::size_t kBareDurationsMax = 20;  // told at once

// A duration without quotes is no TOML, and its error would not say what to write. `line` counts
// from 1. Empty: there is none; else it has quotes afterwards, so that more can be found.
std::string quote_bare_duration(std::string& text, std::size_t line) {
    std::istringstream lines{text};
    std::string table;
    std::string at;
    std::size_t begin = 0;  // of the line
    std::size_t next = 0;
    for (std::size_t n = 0; n < line && std::getline(lines, at); ++n) {
        begin = std::exchange(next, next + at.size() + 1);
        if (const auto first = at.find_first_not_of(" \t"); first != at.npos && at[first] == '[')
            table = at.substr(first, at.find_last_of(']') - first + 1);
    }
    const auto equals = at.find('=');
    if (equals == at.npos) return {};
    const auto word = [](std::string part) {
        part.erase(0, part.find_first_not_of(" \t\r"));
        return part.substr(0, part.find_first_of(" \t\r#"));
    };
    const auto value = word(at.substr(equals + 1));
    if (!parse_duration(value)) return {};
    text.replace(begin + at.find(value, equals), value.size(), '"' + value + '"');
    return "`" + word(at.substr(0, equals)) + "`" + (table.empty() ? "" : " in " + table) +
           " must be a duration in quotes, such as \"30s\", not " + value;
}

std::string message_of(const toml::parse_error& error) {
    std::string message(error.description());
    std::replace(message.begin(), message.end(), '\n', ' ');
    // toml++ says so of the end of a line within quotes, too.
    if (message.find("unescaped control characters") != std::string::npos)
        message += "; is a closing quote missing?";
    return message;
}

}  // namespace

ConfigNode parse_toml(std::string_view text, const std::string& file) {
    std::string mended(text);
    std::string faults;
    for (std::size_t n = 0; n < kBareDurationsMax; ++n)
        try {
            auto node = convert(toml::parse(mended, file));
            if (faults.empty()) return node;
            break;
        } catch (const toml::parse_error& e) {
            const auto line = e.source().begin.line;
            faults += (faults.empty() ? "" : "\n") + file + ":" + std::to_string(line) + ": ";
            const auto bare = quote_bare_duration(mended, line);
            faults += bare.empty() ? message_of(e) : bare;
            if (bare.empty()) break;
        }
    throw ConfigError(faults);
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
