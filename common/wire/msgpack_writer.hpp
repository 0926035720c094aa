#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <msgpack.hpp>
#include <string>
#include <string_view>
#include <utility>

// For codecs' sources only: the one place that pulls in msgpack to write.
namespace presence {

// Appends msgpack values to a string.
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

    void reserve(std::size_t bytes) { sink_.bytes.reserve(bytes); }
    [[nodiscard]] std::string take() { return std::move(sink_.bytes); }

private:
    struct Sink {
        std::string bytes;
        void write(const char* data, std::size_t size) { bytes.append(data, size); }
    };
    Sink sink_;
    msgpack::packer<Sink> packer_{sink_};
};

}  // namespace presence
