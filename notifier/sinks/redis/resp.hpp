#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// RESP2, the protocol of Redis: https://redis.io/docs/reference/protocol-spec. Pure.
namespace presence::notifier {

// Appends a command: an array of bulk strings.
void append_array(std::string& out, std::size_t elements);
void append_bulk(std::string& out, std::string_view bytes);
void append_bulk(std::string& out, std::int64_t number);
void append_command(std::string& out, std::span<const std::string_view> words);

struct Reply {
    enum class Type : std::uint8_t { status, error, integer, bulk, nil, array };
    Type type = Type::nil;
    std::string text{};  // status, error, bulk
    std::int64_t integer = 0;
    std::vector<Reply> array{};
};

// That what came is no RESP2, or more than anybody was asked for.
struct BadReply : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Takes replies out of bytes that come as they like. A reply makes it hold no more than kBytesMax,
// whatever lengths the server names.
class ReplyReader {
public:
    static constexpr std::size_t kBytesMax = 16 << 20;
    static constexpr std::int64_t kElementsMax = 100'000;
    static constexpr int kDepthMax = 4;

    void feed(std::string_view bytes) { bytes_ += bytes; }
    // The next reply, once all of it is here. Throws BadReply; then no more may be read.
    [[nodiscard]] std::optional<Reply> next();

private:
    [[nodiscard]] bool parse(std::size_t& at, Reply& reply, int depth) const;
    [[nodiscard]] std::optional<std::string_view> line(std::size_t& at) const;

    std::string bytes_;
};

}  // namespace presence::notifier
