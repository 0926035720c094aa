#include "cli/user_event.hpp"

#include "common/wire/msgpack_tokens.hpp"

namespace presence::cli {
namespace {

constexpr std::size_t kTokensMax = 1000;

template <class T, class Value>
bool keep(std::optional<Value> value, T& into) {
    if (value) into = static_cast<T>(*value);
    return value.has_value();
}

// False if the value is of another type than the key's.
bool read_value(std::string_view key, MsgpackTokens::Cursor& cursor, Event& event) {
    const auto keep_name = [&](auto named, auto& into) {
        const auto name = cursor.text();
        const auto value = name ? named(*name) : std::nullopt;
        if (value) into = *value;
        return value.has_value();
    };
    if (key == "user") return keep(cursor.text(), event.user);
    if (key == "reason") return keep(cursor.text(), event.reason);
    if (key == "state") return keep_name(state_named, event.state);
    if (key == "freshness") return keep_name(freshness_named, event.freshness);
    if (key == "at_ms") return keep(cursor.number(), event.at_ms);
    if (key == "slot") return keep(cursor.unsigned_number(), event.slot);
    if (key == "epoch") return keep(cursor.unsigned_number(), event.epoch);
    if (key == "seq") return keep(cursor.unsigned_number(), event.seq);
    if (key == "since_ms") return keep(cursor.number(), event.since_ms.emplace());
    if (key == "last_seen_ms") return keep(cursor.number(), event.last_seen_ms.emplace());
    if (key == "status") return keep(cursor.text(), event.status.emplace());
    cursor.skip();
    return true;
}

}  // namespace

std::optional<Event> read_user_event(std::string_view bytes) {
    MsgpackTokens tokens;
    if (!tokens.parse(bytes, kTokensMax)) return {};
    auto cursor = tokens.cursor();
    const auto pairs = cursor.map();
    if (!pairs) return {};
    Event event;
    bool state = false;
    for (std::uint32_t i = 0; i < *pairs; ++i) {
        const auto key = cursor.text();
        if (!key || !read_value(*key, cursor, event)) return {};
        state = state || *key == "state";
    }
    if (event.user.empty() || !state) return {};
    return event;
}

}  // namespace presence::cli
