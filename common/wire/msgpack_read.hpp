#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time.hpp"
#include "common/wire/describe.hpp"
#include "common/wire/msgpack_tokens.hpp"

// For codecs' sources: reads that fill a value and say whether they could. After a failure the
// whole message is given up, so where the cursor stands then does not matter.
namespace presence::msgpack_read {

using Cursor = MsgpackTokens::Cursor;

template <std::integral Number>
bool value(Cursor& cursor, Number& into) {
    if constexpr (std::unsigned_integral<Number>) {
        const auto number = cursor.unsigned_number();
        if (!number || *number > std::numeric_limits<Number>::max()) return false;
        into = static_cast<Number>(*number);
    } else {
        const auto number = cursor.number();
        if (!number) return false;
        into = *number;
    }
    return true;
}

inline bool value(Cursor& cursor, std::string& into) {
    const auto text = cursor.text();
    if (text) into = *text;
    return text.has_value();
}

// An array of any length; `element` reads one.
template <class Element>
bool each(Cursor& cursor, Element&& element) {
    const auto count = cursor.array();
    if (!count) return false;
    for (std::uint32_t i = 0; i < *count; ++i)
        if (!element()) return false;
    return true;
}

// A map; `entry(key)` reads the value of a key, or skips it. Keys that are no text are skipped.
template <class Entry>
bool each_key(Cursor& cursor, Entry&& entry) {
    const auto pairs = cursor.map();
    if (!pairs) return false;
    for (std::uint32_t i = 0; i < *pairs; ++i) {
        const auto key = cursor.text();
        if (!key) {
            cursor.skip();
            cursor.skip();
        } else if (!entry(*key)) {
            return false;
        }
    }
    return true;
}

inline bool skip(Cursor& cursor) {
    cursor.skip();
    return true;
}

}  // namespace presence::msgpack_read

namespace presence {

// Reads a message as it is described. After a failure the message is given up.
class MsgpackReader {
public:
    explicit MsgpackReader(MsgpackTokens::Cursor in) : in_(in) {}

    [[nodiscard]] bool ok() const { return ok_; }
    // Whether it is not ok since its version is another.
    [[nodiscard]] bool other_version() const { return other_version_; }

    template <class... Fields>
    void record(Fields&&... fields) {
        const auto count = in_.array();
        std::uint32_t at = 0;
        ok_ = count && ((at++ < *count ? get(fields) : is_missing(fields)) && ...);
        for (; ok_ && at < *count; ++at)
            in_.skip();
    }
    template <class... Fields>
    void map(Key<Fields>... keys) {
        ok_ = msgpack_read::each_key(in_, [&](std::string_view name) {
            bool good = true;
            const bool known = ((name == keys.name && (good = get(keys.field), true)) || ...);
            return known ? good : msgpack_read::skip(in_);
        });
    }

    bool get(bool& value) { return keep(in_.boolean(), value); }
    bool get(std::integral auto& value) { return msgpack_read::value(in_, value); }
    bool get(std::string& value) { return keep(in_.text(), value); }
    bool get(std::string_view& value) { return keep(in_.text(), value); }
    bool get(PeerInstant& value) {
        const auto us = in_.number();
        if (us) value = PeerInstant{Duration{*us}};
        return us && is_stamp(*us);
    }
    template <class Value>
    bool get(std::optional<Value>& value) {
        value.reset();
        return in_.nil() || get(value.emplace(Value{}));
    }
    template <class Value>
    bool get(std::vector<Value>& values) {
        return msgpack_read::each(in_, [&] { return get(values.emplace_back()); });
    }
    bool get(std::vector<std::pair<std::string, std::int64_t>>& numbers) {
        return msgpack_read::each_key(
            in_, [&](std::string_view name) { return get(numbers.emplace_back(name, 0).second); });
    }
    template <class Value, class Good>
    bool get(const Only<Value, Good>& only) {
        if constexpr (std::same_as<Value, std::string>) {
            const auto text = in_.text();
            return text && only.good(*text) && keep(text, only.value);
        } else if constexpr (requires { only.value.emplace_back(); }) {
            return msgpack_read::each(
                in_, [&] { return get(presence::only(only.value.emplace_back(), only.good)); });
        } else {
            return get(only.value) && only.good(only.value);
        }
    }
    template <class Value, class Find>
    bool get(const Named<Value, Find>& named) {
        const auto name = in_.text();
        return name && keep(named.find(*name), named.value);
    }
    template <class... Types>
    bool get(const Packed<Types...>& packed) {
        const auto bytes = in_.text();
        return bytes && packed.unpack(*bytes, packed.value);
    }
    template <class Strings>
    bool get(const Bins<Strings>& bins) {
        return get(bins.value);
    }
    bool get(const Version& version) {
        const auto number = in_.unsigned_number();
        other_version_ = number && (*number < version.oldest || *number > version.newest);
        return number && !other_version_;
    }
    template <class Field>
    bool get(const Later<Field>& later) {
        return get(later.field);
    }
    template <class Message>
    requires requires(MsgpackReader& from, Message& message) { describe(from, message); }
    bool get(Message& message) {
        describe(*this, message);
        return ok_;
    }

private:
    template <class Found, class Value>
    static bool keep(const std::optional<Found>& found, Value& into) {
        if (found) into = *found;
        return found.has_value();
    }
    static bool is_missing(const auto&) { return false; }
    template <class Field>
    static bool is_missing(const Later<Field>& later) {
        if constexpr (requires { later.field.value = {}; })
            later.field.value = {};
        else
            later.field = {};
        return true;
    }

    MsgpackTokens::Cursor in_;
    bool ok_ = true;
    bool other_version_ = false;
};

// The message. Nothing if `bytes` are malformed, hold more than one message, or have more than
// `tokens_max` tokens.
template <class Message>
[[nodiscard]] std::optional<Message> read_message(std::string_view bytes, std::size_t tokens_max) {
    MsgpackTokens tokens;
    std::optional<Message> message;
    if (tokens.parse(bytes, tokens_max) && !MsgpackReader(tokens.cursor()).get(message.emplace()))
        message.reset();
    return message;
}

}  // namespace presence
