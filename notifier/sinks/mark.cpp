#include "notifier/sinks/mark.hpp"

#include <charconv>
#include <string_view>

namespace presence::notifier {

std::string text_of(const Mark& mark) {
    return std::to_string(mark.sink) + ':' + std::to_string(mark.chunk) +
           (mark.whole ? ":1" : ":0");
}

std::optional<Mark> parse_mark(const std::string& text) {
    Mark mark;
    std::uint64_t whole = 0;
    std::string_view left = text;
    for (auto* number : {&mark.sink, &mark.chunk, &whole}) {
        const auto [rest, error] = std::from_chars(left.data(), left.data() + left.size(), *number);
        if (error != std::errc{}) return std::nullopt;
        left.remove_prefix(static_cast<std::size_t>(rest - left.data()));
        if (number != &whole && (left.empty() || left.front() != ':')) return std::nullopt;
        if (number != &whole) left.remove_prefix(1);
    }
    if (!left.empty() || whole > 1) return std::nullopt;
    mark.whole = whole == 1;
    return mark;
}

std::string why_refill(const std::optional<Mark>& there, const Mark& kept) {
    if (!there) return "it has no mark of this sink";
    if (there->sink != kept.sink)
        return "its mark is of another sink, or of this one before it began anew";
    if (there->chunk < kept.chunk) return "it has lost what it took last";
    if (there->chunk > kept.chunk + 1) return "it took what this sink no longer knows of";
    if (!there->whole) return "it was not refilled to the end";
    return {};
}

}  // namespace presence::notifier
