#include "common/config/settings.hpp"

#include <algorithm>
#include <charconv>

#include "common/limits.hpp"
#include "common/text.hpp"

namespace presence {
namespace {

constexpr std::int64_t kMicrosPerMs = 1000;
constexpr std::int64_t kTtlMinUs = kTtlMinMs * kMicrosPerMs;
constexpr std::int64_t kTtlMaxUs = kTtlMaxMs * kMicrosPerMs;
constexpr std::int64_t kMinuteUs = 60 * 1000 * kMicrosPerMs;
constexpr std::int64_t kYearUs = 365 * 24 * 60 * kMinuteUs;
constexpr std::int64_t kExactInJson = (std::int64_t{1} << 53) - 1;

const std::vector<Setting>& table() {
    using P = PresenceConfig;
    static const std::vector<Setting> settings{
        {"cluster", "NAME", "name of this installation; frames of another are refused",
         &P::cluster},
        {"timeout", "DURATION", "silence before a user is offline", &P::timeout, kTtlMinUs,
         kTtlMaxUs},
        {"collector_grace", "DURATION",
         "how long a silent collector holds back timeouts; 0s: the same as timeout",
         &P::collector_grace, kTtlMinUs, kTtlMaxUs, true},
        {"freeze_max", "DURATION",
         "how long within an hour timeouts may be held for want of evidence; 0s: 10m, or twice the "
         "grace if that is longer",
         &P::freeze_max, kTtlMinUs, 2 * kTtlMaxUs, true},
        {"edge_timeout", "DURATION",
         "silence of an edge that names itself, from which on its users are held", &P::edge_timeout,
         1500 * kMicrosPerMs, kTtlMaxUs},
        {"edge_grace", "DURATION", "how long they are held for it to come back, or they elsewhere",
         &P::edge_grace, 0, kTtlMaxUs},
        {"edge_lost_rate", "N", "of whom so many a second are told offline after that, at most",
         &P::edge_lost_rate, 1, 1'000'000'000},
        {"users_max", "N", "users a tracker keeps at most", &P::users_max, 1, 1'000'000'000},
        {"resend_bytes_max", "BYTES", "unacknowledged frames a collector keeps for each tracker",
         &P::resend_bytes_max, 2 * static_cast<std::int64_t>(kFrameBytesMax),
         std::int64_t{1} << 40},
        {"backlog_max", "N", "sessions a collector keeps for a tracker that is away",
         &P::backlog_max, 0, 1'000'000'000},
        {"map_version", "N", "version of the list of trackers; raise it with each change",
         &P::map_version, 1, kExactInJson},
        {"durability",
         "LEVEL",
         "what a tracker's journal survives: a killed process, a loss of power, or nothing",
         &P::durability,
         0,
         0,
         false,
         {"off", "process", "power"}},
        {"journal_bytes_max", "BYTES", "batches a tracker keeps for followers that were away",
         &P::journal_bytes_max, 1 << 20, std::int64_t{1} << 40},
        {"journal_age_max", "DURATION", "how long it keeps them", &P::journal_age_max, kMinuteUs,
         kYearUs},
        {"data_root",
         "DIRECTORY",
         "where relative data paths begin; empty: in the working directory",
         &P::data_root,
         0,
         0,
         false,
         {},
         true},
        {"on_start",
         "WHAT",
         "users of an earlier run: go on as if it had not ended, or are told offline",
         &P::on_start,
         0,
         0,
         false,
         {"resume", "offline"}},
        {"on_shutdown",
         "WHAT",
         "users when a tracker is asked to end: nothing is told, or they are told offline",
         &P::on_shutdown,
         0,
         0,
         false,
         {"hold", "offline"}},
        {"log_level",
         "LEVEL",
         "least level that is logged",
         &P::log_level,
         0,
         0,
         false,
         {"debug", "info", "warn", "error"}},
        {"log_format",
         "FORMAT",
         "form of a log line",
         &P::log_format,
         0,
         0,
         false,
         {"logfmt", "json"}},
        {"allow_plaintext", "BOOL", "bind beyond loopback without encryption", &P::allow_plaintext},
    };
    return settings;
}

std::string range_fault(const Setting& setting, std::int64_t value) {
    if ((value == 0 && setting.zero_allowed) || (value >= setting.low && value <= setting.high))
        return {};
    const bool duration = std::holds_alternative<Duration PresenceConfig::*>(setting.member);
    const auto show = [&](std::int64_t n) {
        return duration ? format_duration(Duration{n}) : std::to_string(n);
    };
    return "must lie between " + show(setting.low) + " and " + show(setting.high) +
           (setting.zero_allowed ? " (or be 0s)" : "");
}

std::string set(std::string PresenceConfig::*member, const Setting& setting, std::string_view text,
                PresenceConfig& config) {
    if (setting.path) {
        if (!text.empty() && (text[0] != '/' || text.find('\0') != text.npos))
            return "must be an absolute path, or empty";
    } else if (!setting.choices.empty()) {
        if (std::find(setting.choices.begin(), setting.choices.end(), text) ==
            setting.choices.end()) {
            std::string message = "must be one of";
            for (const auto& choice : setting.choices)
                message.append(&choice == setting.choices.data() ? " " : ", ").append(choice);
            return message;
        }
    } else if (check_text(text, kNameBytesMax) != TextFault::none) {
        return "must be 1 to " + std::to_string(kNameBytesMax) +
               " bytes of UTF-8 without control characters";
    }
    config.*member = text;
    return {};
}

std::string set(Duration PresenceConfig::*member, const Setting& setting, std::string_view text,
                PresenceConfig& config) {
    const auto duration = parse_duration(text);
    if (!duration) return "must be a duration such as 30s, 500ms, 2m or 1h";
    if (duration->count() % kMicrosPerMs != 0) return "must be whole milliseconds";
    if (auto fault = range_fault(setting, duration->count()); !fault.empty()) return fault;
    config.*member = *duration;
    return {};
}

std::string set(std::uint64_t PresenceConfig::*, const Setting& setting, std::string_view text,
                PresenceConfig& config) {
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end) return "must be a whole number";
    return set_number(setting, number, config);
}

std::string set(bool PresenceConfig::*, const Setting& setting, std::string_view text,
                PresenceConfig& config) {
    if (text != "true" && text != "false") return "must be true or false";
    return set_number(setting, text == "true", config);
}

}  // namespace

std::span<const Setting> presence_settings() {
    return table();
}

const Setting* find_setting(std::string_view key) {
    for (const auto& setting : table())
        if (setting.key == key) return &setting;
    return nullptr;
}

std::vector<std::string_view> setting_keys() {
    std::vector<std::string_view> keys;
    for (const auto& setting : table())
        keys.push_back(setting.key);
    return keys;
}

std::string set_from_text(const Setting& setting, std::string_view text, PresenceConfig& config) {
    return std::visit([&](auto member) { return set(member, setting, text, config); },
                      setting.member);
}

std::string set_number(const Setting& setting, std::int64_t value, PresenceConfig& config) {
    if (const auto* flag = std::get_if<bool PresenceConfig::*>(&setting.member)) {
        config.** flag = value != 0;
        return {};
    }
    if (auto fault = range_fault(setting, value); !fault.empty()) return fault;
    config.*std::get<std::uint64_t PresenceConfig::*>(setting.member) =
        static_cast<std::uint64_t>(value);
    return {};
}

std::string text_of(const Setting& setting, const PresenceConfig& config) {
    struct Show {
        const PresenceConfig& config;
        std::string operator()(std::string PresenceConfig::*m) const { return config.*m; }
        std::string operator()(Duration PresenceConfig::*m) const {
            return format_duration(config.*m);
        }
        std::string operator()(std::uint64_t PresenceConfig::*m) const {
            return std::to_string(config.*m);
        }
        std::string operator()(bool PresenceConfig::*m) const {
            return config.*m ? "true" : "false";
        }
    };
    return std::visit(Show{config}, setting.member);
}

}  // namespace presence
