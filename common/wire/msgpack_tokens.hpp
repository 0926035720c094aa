#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace presence {

// One msgpack value as a flat list of tokens, read in order with a cursor. Input from the network
// cannot make it allocate by a claimed length: tokens are appended as values are found, and depth
// and number are bounded. (msgpack::unpack would reserve 8 GB for the five bytes dd 0f ff ff ff.)
class MsgpackTokens {
public:
    static constexpr std::size_t kDepthMax = 16;

    // False if `bytes` is not exactly one well-formed value within the bounds. Views into `bytes`.
    // Memory of an earlier call is used again.
    [[nodiscard]] bool parse(std::string_view bytes, std::size_t tokens_max);

    // Why the last parse failed.
    enum class Fault : std::uint8_t { none, malformed, too_deep, too_many };
    [[nodiscard]] Fault fault() const { return fault_; }

    enum class Kind : std::uint8_t {
        nil,
        boolean,
        unsigned_,
        negative,
        real,
        str,
        bin,
        ext,
        array,
        map
    };
    struct Token {
        Kind kind;
        std::uint32_t count = 0;   // array: elements, map: pairs
        std::uint64_t number = 0;  // boolean, unsigned_, negative (two's complement)
        std::string_view text{};   // str, bin
    };

    // Reads forwards. A read of another kind than the next token's fails and does not move.
    class Cursor {
    public:
        explicit Cursor(const std::vector<Token>& tokens) : tokens_(&tokens) {}
        [[nodiscard]] bool at_end() const { return next_ == tokens_->size(); }
        std::optional<std::uint32_t> array();
        std::optional<std::uint32_t> map();
        std::optional<std::uint64_t> unsigned_number();
        std::optional<std::int64_t> number();
        std::optional<bool> boolean();
        std::optional<std::string_view> text();  // str or bin
        bool nil();                              // true and moves on if the next is nil
        void skip();                             // one whole value
        [[nodiscard]] std::optional<Kind> peek() const;

    private:
        [[nodiscard]] const Token* next(Kind kind) const;
        const std::vector<Token>* tokens_;
        std::size_t next_ = 0;
    };
    [[nodiscard]] Cursor cursor() const { return Cursor(tokens_); }

private:
    std::vector<Token> tokens_;
    Fault fault_ = Fault::none;
};

}  // namespace presence
