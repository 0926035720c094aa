#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

template <class Enum>
bool named(Cursor& cursor, std::optional<Enum> (*find)(std::string_view), Enum& into) {
    const auto name = cursor.text();
    const auto found = name ? find(*name) : std::nullopt;
    if (found) into = *found;
    return found.has_value();
}

// nil: nothing.
template <class Value>
bool value(Cursor& cursor, std::optional<Value>& into) {
    if (cursor.nil()) {
        into.reset();
        return true;
    }
    return value(cursor, into.emplace());
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

// An array of at least `count` elements, whose first ones `fields` reads; later versions may
// append, so the rest is skipped.
template <class Fields>
bool record(Cursor& cursor, std::uint32_t count, Fields&& fields) {
    const auto found = cursor.array();
    if (!found || *found < count || !fields()) return false;
    for (std::uint32_t i = count; i < *found; ++i)
        cursor.skip();
    return true;
}

}  // namespace presence::msgpack_read
