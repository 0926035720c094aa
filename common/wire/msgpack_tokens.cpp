#include "common/wire/msgpack_tokens.hpp"

#include <msgpack.hpp>

namespace presence {
namespace {

using Kind = MsgpackTokens::Kind;
using Token = MsgpackTokens::Token;
using Fault = MsgpackTokens::Fault;

// Returning false stops the parser at once, so nothing is read beyond a bound.
struct Visitor : msgpack::null_visitor {
    Visitor(std::vector<Token>& tokens, std::size_t tokens_max) : out(tokens), left(tokens_max) {}

    bool visit_nil() { return add({.kind = Kind::nil}); }
    bool visit_boolean(bool v) { return add({.kind = Kind::boolean, .number = v}); }
    bool visit_positive_integer(std::uint64_t v) {
        return add({.kind = Kind::unsigned_, .number = v});
    }
    bool visit_negative_integer(std::int64_t v) {
        // Encoders may write a positive number in a signed form.
        return add({.kind = v < 0 ? Kind::negative : Kind::unsigned_,
                    .number = static_cast<std::uint64_t>(v)});
    }
    bool visit_float32(float) { return add({.kind = Kind::real}); }
    bool visit_float64(double) { return add({.kind = Kind::real}); }
    bool visit_str(const char* p, std::uint32_t size) {
        return add({.kind = Kind::str, .text = {p, size}});
    }
    bool visit_bin(const char* p, std::uint32_t size) {
        return add({.kind = Kind::bin, .text = {p, size}});
    }
    bool visit_ext(const char*, std::uint32_t) { return add({.kind = Kind::ext}); }
    bool start_array(std::uint32_t count) { return open({.kind = Kind::array, .count = count}); }
    bool start_map(std::uint32_t pairs) { return open({.kind = Kind::map, .count = pairs}); }
    bool end_array() { return close(); }
    bool end_map() { return close(); }

    bool add(const Token& token) {
        if (left == 0) {
            fault = Fault::too_many;
            return false;
        }
        --left;
        out.push_back(token);
        return true;
    }
    bool open(const Token& token) {
        if (++depth > MsgpackTokens::kDepthMax) {
            fault = Fault::too_deep;
            return false;
        }
        return add(token);
    }
    bool close() {
        --depth;
        return true;
    }

    std::vector<Token>& out;
    std::size_t left;
    std::size_t depth = 0;
    Fault fault = Fault::none;
};

}  // namespace

bool MsgpackTokens::parse(std::string_view bytes, std::size_t tokens_max) {
    tokens_.clear();
    Visitor visitor(tokens_, tokens_max);
    std::size_t end = 0;
    const bool whole = msgpack::parse(bytes.data(), bytes.size(), end, visitor);
    fault_ = visitor.fault;
    if (fault_ == Fault::none && (!whole || end != bytes.size())) fault_ = Fault::malformed;
    if (fault_ != Fault::none) tokens_.clear();
    return fault_ == Fault::none;
}

const Token* MsgpackTokens::Cursor::next(Kind kind) const {
    if (at_end() || (*tokens_)[next_].kind != kind) return nullptr;
    return &(*tokens_)[next_];
}

std::optional<std::uint32_t> MsgpackTokens::Cursor::array() {
    const Token* token = next(Kind::array);
    if (!token) return std::nullopt;
    ++next_;
    return token->count;
}

std::optional<std::uint32_t> MsgpackTokens::Cursor::map() {
    const Token* token = next(Kind::map);
    if (!token) return std::nullopt;
    ++next_;
    return token->count;
}

std::optional<std::uint64_t> MsgpackTokens::Cursor::unsigned_number() {
    const Token* token = next(Kind::unsigned_);
    if (!token) return std::nullopt;
    ++next_;
    return token->number;
}

std::optional<std::int64_t> MsgpackTokens::Cursor::number() {
    const Token* token = next(Kind::unsigned_);
    if (token && token->number > INT64_MAX) return std::nullopt;
    if (!token) token = next(Kind::negative);
    if (!token) return std::nullopt;
    ++next_;
    return static_cast<std::int64_t>(token->number);
}

std::optional<bool> MsgpackTokens::Cursor::boolean() {
    const Token* token = next(Kind::boolean);
    if (!token) return std::nullopt;
    ++next_;
    return token->number != 0;
}

std::optional<std::string_view> MsgpackTokens::Cursor::text() {
    const Token* token = next(Kind::str);
    if (!token) token = next(Kind::bin);
    if (!token) return std::nullopt;
    ++next_;
    return token->text;
}

bool MsgpackTokens::Cursor::nil() {
    if (!next(Kind::nil)) return false;
    ++next_;
    return true;
}

void MsgpackTokens::Cursor::skip() {
    for (std::uint64_t values = 1; values > 0 && !at_end(); --values) {
        const Token& token = (*tokens_)[next_++];
        if (token.kind == Kind::array) values += token.count;
        if (token.kind == Kind::map) values += 2 * std::uint64_t{token.count};
    }
}

std::optional<Kind> MsgpackTokens::Cursor::peek() const {
    if (at_end()) return std::nullopt;
    return (*tokens_)[next_].kind;
}

}  // namespace presence
