#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time.hpp"
#include "common/wire/describe.hpp"

// For codecs' sources only: the one place that pulls in msgpack to write.
namespace presence {

// Appends msgpack values to a string, one by one or as a message describes them.
class MsgpackWriter {
public:
    MsgpackWriter() = default;
    MsgpackWriter(MsgpackWriter&& other) noexcept : sink_(std::move(other.sink_)) {}

    MsgpackWriter& array(std::size_t count) {
        packer_.pack_array(static_cast<std::uint32_t>(count));
        return *this;
    }
    MsgpackWriter& map(std::size_t pairs) {
        packer_.pack_map(static_cast<std::uint32_t>(pairs));
        return *this;
    }
    MsgpackWriter& text(std::string_view text) {
        packer_.pack_str(static_cast<std::uint32_t>(text.size()));
        packer_.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
        return *this;
    }
    MsgpackWriter& bin(std::string_view bytes) {
        packer_.pack_bin(static_cast<std::uint32_t>(bytes.size()));
        packer_.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
        return *this;
    }
    MsgpackWriter& number(std::unsigned_integral auto value) {
        packer_.pack_uint64(value);
        return *this;
    }
    MsgpackWriter& number(std::signed_integral auto value) {
        packer_.pack_int64(value);
        return *this;
    }
    MsgpackWriter& boolean(bool value) {
        value ? packer_.pack_true() : packer_.pack_false();
        return *this;
    }
    MsgpackWriter& nil() {
        packer_.pack_nil();
        return *this;
    }

    template <class... Fields>
    void record(const Fields&... fields) {
        std::size_t at = 0, count = 0;
        ((++at, count = is_told(fields) ? at : count), ...);
        array(count);
        at = 0;
        ((at++ < count ? put(fields) : void()), ...);
    }
    template <class... Fields>
    void map(const Key<Fields>&... keys) {
        map((std::size_t{0} + ... + keys.told));
        ((keys.told ? (text(keys.name), put(keys.field)) : void()), ...);
    }

    template <std::integral Value>
    void put(Value value) {
        if constexpr (std::same_as<Value, bool>)
            boolean(value);
        else
            number(value);
    }
    void put(const std::string& value) { text(value); }
    void put(std::string_view value) { bin(value); }
    void put(PeerInstant value) { number(micros(value)); }
    template <class Value>
    void put(const std::optional<Value>& value) {
        value ? put(*value) : static_cast<void>(nil());
    }
    template <class Value>
    void put(const std::vector<Value>& values) {
        array(values.size());
        for (const auto& value : values)
            put(value);
    }
    void put(const std::vector<std::pair<std::string, std::int64_t>>& numbers) {
        map(numbers.size());
        for (const auto& [name, value] : numbers)
            text(name).number(value);
    }
    template <class Value, class Good>
    void put(const Only<Value, Good>& only) {
        put(only.value);
    }
    template <class Value, class Find>
    void put(const Named<Value, Find>& named) {
        text(name_of(named.value));
    }
    template <class... Types>
    void put(const Packed<Types...>& packed) {
        bin(packed.pack(packed.value));
    }
    template <class Strings>
    void put(const Bins<Strings>& bins) {
        array(bins.value.size());
        for (const auto& bytes : bins.value)
            bin(bytes);
    }
    void put(const Version& version) { number(version.newest); }
    template <class Field>
    void put(const Later<Field>& later) {
        put(later.field);
    }
    template <class Message>
    requires requires(MsgpackWriter& to, const Message& message) { describe(to, message); }
    void put(const Message& message) { describe(*this, message); }

    void reserve(std::size_t bytes) { sink_.bytes.reserve(bytes); }
    [[nodiscard]] std::string take() { return std::move(sink_.bytes); }

private:
    static constexpr bool is_told(const auto&) { return true; }
    template <class Field>
    static constexpr bool is_told(const Later<Field>& later) {
        return later.told;
    }

    struct Sink {
        std::string bytes;
        void write(const char* data, std::size_t size) { bytes.append(data, size); }
    };
    Sink sink_;
    msgpack::packer<Sink> packer_{sink_};
};

// The message as it is described; `room`: as many bytes at once, if it is known.
template <class Message>
[[nodiscard]] std::string write_message(const Message& message, std::size_t room = 0) {
    MsgpackWriter out;
    out.reserve(room);
    out.put(message);
    return out.take();
}

}  // namespace presence
