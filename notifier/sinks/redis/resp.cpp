#include "notifier/sinks/redis/resp.hpp"

#include <array>
#include <charconv>

namespace presence::notifier {

namespace {

constexpr std::string_view kEnd = "\r\n";

void append_number(std::string& out, std::int64_t number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

std::int64_t number_of(std::string_view text) {
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end) throw BadReply("a number that is none");
    return number;
}

}  // namespace

void append_array(std::string& out, std::size_t elements) {
    out += '*';
    append_number(out, static_cast<std::int64_t>(elements));
    out += kEnd;
}

void append_bulk(std::string& out, std::string_view bytes) {
    out += '$';
    append_number(out, static_cast<std::int64_t>(bytes.size()));
    out += kEnd;
    out += bytes;
    out += kEnd;
}

void append_bulk(std::string& out, std::int64_t number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    append_bulk(out,
                std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void append_command(std::string& out, std::span<const std::string_view> words) {
    append_array(out, words.size());
    for (const auto word : words)
        append_bulk(out, word);
}

std::optional<Reply> ReplyReader::next() {
    Reply reply;
    std::size_t at = 0;
    if (!parse(at, reply, 0)) {
        if (bytes_.size() > kBytesMax) throw BadReply("a reply of more than 16 MiB");
        return std::nullopt;
    }
    bytes_.erase(0, at);
    return reply;
}

std::optional<std::string_view> ReplyReader::line(std::size_t& at) const {
    const auto end = bytes_.find(kEnd, at);
    if (end == std::string::npos) return std::nullopt;
    const auto line = std::string_view(bytes_).substr(at, end - at);
    at = end + kEnd.size();
    return line;
}

// False while some of it is missing.
bool ReplyReader::parse(std::size_t& at, Reply& reply, int depth) const {
    if (depth > kDepthMax) throw BadReply("a reply that is too deep");
    const auto head = line(at);
    if (!head) return false;
    if (head->empty()) throw BadReply("an empty line");
    const auto rest = head->substr(1);
    switch (head->front()) {
        case '+':
            reply = {Reply::Type::status, std::string(rest)};
            return true;
        case '-':
            reply = {Reply::Type::error, std::string(rest)};
            return true;
        case ':':
            reply = {Reply::Type::integer, {}, number_of(rest)};
            return true;
        case '$': {
            const auto size = number_of(rest);
            if (size == -1) return reply.type = Reply::Type::nil, true;
            if (size < 0 || size > static_cast<std::int64_t>(kBytesMax))
                throw BadReply("a text of " + std::to_string(size) + " bytes");
            const auto bytes = static_cast<std::size_t>(size);
            if (bytes_.size() < at + bytes + kEnd.size()) return false;
            reply = {Reply::Type::bulk, bytes_.substr(at, bytes)};
            at += bytes + kEnd.size();
            return true;
        }
        case '*': {
            const auto size = number_of(rest);
            if (size == -1) return reply.type = Reply::Type::nil, true;
            if (size < 0 || size > kElementsMax)
                throw BadReply("a list of " + std::to_string(size) + " elements");
            reply.type = Reply::Type::array;
            for (std::int64_t n = 0; n < size; ++n)
                if (!parse(at, reply.array.emplace_back(), depth + 1)) return false;
            return true;
        }
        default:
            throw BadReply("an answer that is not Redis'");
    }
}

}  // namespace presence::notifier
