#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// For codecs' sources only: the words in which a message is described, once for both directions.
//
//   static void describe(auto& to, Is<Tick> auto& tick) {
//       to.record(version(kBatchVersion), tick.tracker, tick.boot, tick.last_batch);
//   }
//
// MsgpackWriter writes what is described, MsgpackReader reads it. `record` is an array, whose
// elements beyond those described are read over; `map` is a map, whose keys may come in any order,
// or not at all, and whose other keys are read over. A field is a number, a boolean, a text
// (string), bytes (string_view), a PeerInstant, something described, a list or an optional (nil) of
// these, or one of the words below. A description is static, as what a namespace without a name
// holds is not found from the outside, and stands in the namespace of its message.
namespace presence {

template <class T, class Message>
concept Is = std::same_as<std::remove_const_t<T>, Message>;

// Refused unless `good`, as is each element of a list; a text is asked about before it is copied.
template <class Value, class Good>
struct Only {
    Value& value;
    Good good;
};
template <class Value, class Good>
Only<Value, Good> only(Value& value, Good good) {
    return {value, good};
}

// An enumeration by its name: that of name_of(), refused unless `find` knows it.
template <class Value, class Find>
struct Named {
    Value& value;
    Find find;
};
template <class Value, class Find>
Named<Value, Find> named(Value& value, Find find) {
    return {value, find};
}

// Bytes for a value that has a form of its own: unpack(bytes, value) is false if they are refused.
template <class Value, class Pack, class Unpack>
struct Packed {
    Value& value;
    Pack pack;
    Unpack unpack;
};
template <class Value, class Pack, class Unpack>
Packed<Value, Pack, Unpack> packed(Value& value, Pack pack, Unpack unpack) {
    return {value, pack, unpack};
}

// Strings that are bytes.
template <class Strings>
struct Bins {
    Strings& value;
};
template <class Strings>
Bins<Strings> bins(Strings& value) {
    return {value};
}

// The newest version is written; any from the oldest on is read.
struct Version {
    std::uint32_t newest, oldest;
};
constexpr Version version(std::uint32_t newest, std::uint32_t oldest) {
    return {newest, oldest};
}
constexpr Version version(std::uint32_t only) {
    return {only, only};
}

// An element at the end of a record that older peers do not write. It is written if it, or one
// after it, is told; one that is missing is read as if its value were new.
template <class Field>
struct Later {
    bool told;
    Field field;
};
template <class Field>
Later<Field> later(bool told, Field&& field) {
    return {told, std::forward<Field>(field)};
}

// An entry of a map.
template <class Field>
struct Key {
    std::string_view name;
    Field field;
    bool told = true;
};
template <class Field>
Key<Field> key(std::string_view name, Field&& field) {
    return {name, std::forward<Field>(field)};
}
// One that is written only if it says something: is there, not empty, not 0, true.
template <class Value>
Key<Value&> some(std::string_view name, Value& value) {
    if constexpr (requires { value.has_value(); })
        return {name, value, value.has_value()};
    else if constexpr (requires { value.empty(); })
        return {name, value, !value.empty()};
    else
        return {name, value, value != Value{}};
}

}  // namespace presence
