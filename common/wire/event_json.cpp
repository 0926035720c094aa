#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <nlohmann/json.hpp>

#include "common/wire/event.hpp"

namespace presence {

namespace {

// One flat object, key by key. A tree of values would cost more than all else that a notifier does
// with an event.
class Object {
public:
    Object() { json_.reserve(320); }

    Object& field(std::string_view key, std::string_view text) {
        begin(key);
        const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
            return c >= ' ' && c <= '~' && c != '"' && c != '\\';
        });
        if (plain)
            json_.append("\"").append(text).append("\"");
        else  // ids are checked on their way in; should other bytes come, they must not throw
            json_ +=
                nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        return *this;
    }
    Object& field(std::string_view key, std::integral auto number) {
        begin(key);
        std::array<char, 24> digits{};
        const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
        json_.append(digits.begin(), end);
        return *this;
    }
    template <class Value>
    Object& field(std::string_view key, const std::optional<Value>& value) {
        if (value) field(key, *value);
        return *this;
    }
    [[nodiscard]] std::string take() { return std::move(json_ += '}'); }

private:
    void begin(std::string_view key) {
        json_.append(json_.empty() ? "{\"" : ",\"").append(key).append("\":");
    }

    std::string json_;
};

}  // namespace

std::string to_json(const Event& event) {
    Object out;
    out.field("id", id_of(event));
    if (is_gap_notice(event))
        return out.field("notice", event.reason)
            .field("tracker", event.status.value_or(""))
            .field("at_ms", event.at_ms)
            .take();
    out.field("user", event.user).field("state", name_of(event.state));
    out.field("reason", event.reason).field("at_ms", event.at_ms);
    out.field("since_ms", event.since_ms).field("last_seen_ms", event.last_seen_ms);
    out.field("status", event.status).field("freshness", name_of(event.freshness));
    out.field("slot", event.slot).field("epoch", event.epoch).field("seq", event.seq);
    return out.take();
}

}  // namespace presence
