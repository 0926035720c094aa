#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "common/config/schema.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"

namespace presence {
namespace {

std::string range_fault(const Setting& setting, std::int64_t value, auto&& show) {
    if ((value == 0 && setting.zero_allowed) || (value >= setting.low && value <= setting.high))
        return {};
    return "must lie between " + show(setting.low) + " and " + show(setting.high) +
           (setting.zero_allowed ? " (or be 0s)" : "");
}

// Each sets a value of one type from text, and says what is wrong.
struct Set {
    const Setting& setting;
    std::string_view text;

    std::string operator()(std::string* into) const {
        if (setting.rule == TextRule::path) {
            if (!text.empty() && (text[0] != '/' || text.find('\0') != text.npos))
                return "must be an absolute path, or empty";
        } else if (setting.rule == TextRule::name &&
                   check_text(text, kNameBytesMax) != TextFault::none) {
            return "must be 1 to " + std::to_string(kNameBytesMax) +
                   " bytes of UTF-8 without control characters";
        }
        *into = text;
        return {};
    }
    std::string operator()(std::vector<std::string>* into) const {
        into->emplace_back(text);
        return {};
    }
    std::string operator()(Duration* into) const {
        const auto duration = parse_duration(text);
        if (!duration) return "must be a duration such as 30s, 500ms, 2m or 1h";
        if (*duration % 1ms != Duration{}) return "must be whole milliseconds";
        const auto show = [](std::int64_t n) { return format_duration(Duration{n}); };
        auto fault = range_fault(setting, duration->count(), show);
        if (fault.empty()) *into = *duration;
        return fault;
    }
    std::string operator()(std::uint64_t* into) const {
        std::int64_t number = 0;
        const auto* end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, number);
        if (error != std::errc{} || rest != end) return "must be a whole number";
        const auto show = [](std::int64_t n) { return std::to_string(n); };
        auto fault = range_fault(setting, number, show);
        if (fault.empty()) *into = static_cast<std::uint64_t>(number);
        return fault;
    }
    std::string operator()(bool* into) const {
        if (text != "true" && text != "false") return "must be true or false";
        *into = text == "true";
        return {};
    }
    std::string operator()(const Choice& into) const {
        const auto word = std::find(into.words.begin(), into.words.end(), text);
        if (word == into.words.end() || word->empty())
            return "must be one of " + enumerated(into.words, ", ");
        *into.value = static_cast<std::uint8_t>(word - into.words.begin());
        return {};
    }
};

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04X", byte);
            out += escape.data();
        } else {
            out += c;
        }
    }
    return out + "\"";
}

struct Show {
    std::string operator()(const std::string* value) const { return *value; }
    std::string operator()(const std::vector<std::string>* value) const {
        std::string list;
        for (const auto& element : *value)
            list += (list.empty() ? "" : ", ") + quoted(element);
        return "[" + list + "]";
    }
    std::string operator()(const Duration* value) const { return format_duration(*value); }
    std::string operator()(const std::uint64_t* value) const { return std::to_string(*value); }
    std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
    std::string operator()(const Choice& value) const {
        return std::string(value.words[*value.value]);
    }
};

// Nothing is written through it: an entry has one accessor for reading and writing.
Place read_place(Setting::At at, const void* table) {
    return at(const_cast<void*>(table));
}

// Whether it says something in this table.
bool has(const TableSchema& schema, const Setting& setting, const void* table) {
    if (setting.at == nullptr) return false;
    const auto* sink = static_cast<const SinkConfig*>(table);
    if (!setting.types.empty() && !setting.is_of(sink->type)) return false;
    if (setting.used != nullptr && !setting.used(*sink)) return false;
    const auto text = text_of(setting, table);
    if (setting.follows != nullptr)
        return text != std::visit(Show{}, read_place(setting.follows, table));
    return !schema.list || (!text.empty() && text != "[]");
}

}  // namespace

std::string set_from_text(const Setting& setting, std::string_view text, void* table) {
    return std::visit(Set{setting, text}, setting.at(table));
}

std::string text_of(const Setting& setting, const void* table) {
    return std::visit(Show{}, read_place(setting.at, table));
}

std::string toml_of(const Setting& setting, const void* table) {
    const auto place = read_place(setting.at, table);
    const bool text = std::holds_alternative<std::string*>(place) ||
                      std::holds_alternative<Duration*>(place) ||
                      std::holds_alternative<Choice>(place);
    return text ? quoted(std::visit(Show{}, place)) : std::visit(Show{}, place);
}

std::vector<const Setting*> TableSchema::printed(const void* table) const {
    std::vector<const Setting*> out;
    for (const bool last : {false, true})
        for (const auto& setting : settings) {
            if (setting.printed_last != last || setting.follows != nullptr) continue;
            out.push_back(&setting);
            for (const auto& follower : settings)
                if (follower.follows != nullptr && follower.follows == setting.at)
                    out.push_back(&follower);
        }
    std::erase_if(out, [&](const Setting* setting) { return !has(*this, *setting, table); });
    return out;
}

std::string enumerated(std::span<const std::string_view> words, std::string_view last_joint) {
    std::string text;
    for (const auto& word : words) {
        if (word.empty()) continue;
        if (!text.empty()) text += &word == &words.back() ? last_joint : ", ";
        text += word;
    }
    return text;
}

}  // namespace presence
