#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// A TOML file as plain values with line numbers, so that only one .cpp knows the TOML library.
namespace presence {

struct ConfigNode {
    struct Entry;
    enum class Kind { text, integer, boolean, list, table, other };
    Kind kind = Kind::other;
    int line = 0;
    std::string text;
    std::int64_t integer = 0;
    bool boolean = false;
    std::vector<ConfigNode> list;
    std::vector<Entry> table;    // in the order of the file
    std::vector<int> key_lines;  // of table, in the same order
};

struct ConfigNode::Entry {
    std::string key;
    ConfigNode value;
};

// The file's top table. Throws ConfigError "FILE:LINE: ..." for what is no TOML, duplicate keys
// among it.
[[nodiscard]] ConfigNode parse_toml(std::string_view text, const std::string& file);

// "a text", "a number" ... for messages.
[[nodiscard]] std::string_view name_of(ConfigNode::Kind kind);

}  // namespace presence
