#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/config.hpp"

// The scalars of [presence] as one table: reading, environment, flags, --help and printing all
// follow it, so a setting cannot exist in one and be forgotten in another.
namespace presence {

struct Setting {
    std::string_view key;
    std::string_view value_name;  // in --help: DURATION, N, NAME ...
    std::string_view help;        // one line
    std::variant<std::string PresenceConfig::*, Duration PresenceConfig::*,
                 std::uint64_t PresenceConfig::*, bool PresenceConfig::*>
        member;
    std::int64_t low = 0, high = 0;           // numbers, and durations in us
    bool zero_allowed = false;                // though below `low`
    std::vector<std::string_view> choices{};  // texts; empty: any name
    bool path = false;                        // a text: an absolute path, or empty
};

[[nodiscard]] std::span<const Setting> presence_settings();
[[nodiscard]] const Setting* find_setting(std::string_view key);
[[nodiscard]] std::vector<std::string_view> setting_keys();

// Sets it from text, as flags and environment give it. Returns what is wrong, or nothing.
[[nodiscard]] std::string set_from_text(const Setting& setting, std::string_view text,
                                        PresenceConfig& config);
// Sets a number or a boolean. The setting must be of that kind.
[[nodiscard]] std::string set_number(const Setting& setting, std::int64_t value,
                                     PresenceConfig& config);
// As set_from_text takes it.
[[nodiscard]] std::string text_of(const Setting& setting, const PresenceConfig& config);

}  // namespace presence
