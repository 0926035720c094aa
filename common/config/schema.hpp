#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/config.hpp"

// Every setting of the configuration file, one entry each. Reading, environment, flags, --help,
// printing and the naming of changes follow them, so a setting cannot exist in one and be forgotten
// in another.
namespace presence {

// Where an enum is stored, and the words for its values 0, 1, ...; an empty one cannot be written.
struct Choice {
    std::uint8_t* value;
    std::span<const std::string_view> words;
};

// Where the value of a setting stands, which also tells its type.
using Place =
    std::variant<std::string*, std::vector<std::string>*, Duration*, std::uint64_t*, bool*, Choice>;

enum class TextRule : std::uint8_t { any, id, name, path };  // path: absolute, or empty

// The default is what the member begins with.
struct Setting {
    using At = Place (*)(void* table);
    std::string_view key;
    At at = nullptr;                 // nullptr: known only to be refused
    std::string_view value_name;     // in --help: DURATION, N, NAME ...
    std::string_view help;           // one line
    std::int64_t low = 0, high = 0;  // numbers, and durations in us
    bool zero_allowed = false;       // though below `low`
    TextRule rule = TextRule::any;
    At follows = nullptr;           // its default; printed after it, if it differs
    std::vector<SinkType> types{};  // of sinks that have it; none: all
    bool printed_last = false;
    bool (*used)(const SinkConfig&) = nullptr;  // of these, the sinks for which it says something

    [[nodiscard]] bool is_of(SinkType type) const;
};

// [presence], or a list of tables such as [[tracker]].
struct TableSchema {
    std::string_view name;  // "tracker"
    bool list;
    std::vector<Setting> settings;  // a list's begins with its id
    void* (*add)(Config&);          // a new table of the list; the only one of [presence]
    std::vector<const void*> (*all)(const Config&);

    [[nodiscard]] const Setting& id() const { return settings.front(); }  // of a list
    [[nodiscard]] std::string title() const;                              // "[[tracker]]"
    [[nodiscard]] std::vector<std::string_view> keys() const;
    // What print_config shows of a table: not what is empty, or belongs to another type of sink.
    [[nodiscard]] std::vector<const Setting*> printed(const void* table) const;
};

[[nodiscard]] std::span<const TableSchema> schema();
[[nodiscard]] const TableSchema* find_table(std::string_view name);
[[nodiscard]] const TableSchema& presence_schema();
[[nodiscard]] const Setting* find_setting(const TableSchema& table, std::string_view key);

// In the order of their tables.
[[nodiscard]] std::vector<std::string> ids_of(const Config& config, ProcessKind kind);

// Sets it from text, as flags and environment give it; appends to a list. Returns what is wrong, or
// nothing.
[[nodiscard]] std::string set_from_text(const Setting& setting, std::string_view text, void* table);
// As set_from_text takes it.
[[nodiscard]] std::string text_of(const Setting& setting, const void* table);
// As the file has it.
[[nodiscard]] std::string toml_of(const Setting& setting, const void* table);

// "a, b and c".
[[nodiscard]] std::string enumerated(std::span<const std::string_view> words,
                                     std::string_view last_joint);

}  // namespace presence
