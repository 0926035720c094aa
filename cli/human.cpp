#include "cli/human.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.hpp"

namespace presence::cli {

std::string for_people(Duration length) {
    const auto ms = std::max<std::int64_t>(0, length / 1ms);
    if (ms < 1000) return fmt::format("{} ms", ms);
    const auto seconds = ms / 1000;
    if (seconds < 60) return fmt::format("{} s", seconds);
    const auto two = [](std::int64_t count, const char* unit, std::int64_t rest,
                        const char* rest_unit) {
        return rest == 0 ? fmt::format("{} {}", count, unit)
                         : fmt::format("{} {} {} {}", count, unit, rest, rest_unit);
    };
    const auto minutes = seconds / 60;
    if (minutes < 60) return two(minutes, "min", seconds % 60, "s");
    const auto hours = minutes / 60;
    if (hours < 24) return two(hours, "h", minutes % 60, "min");
    return two(hours / 24, "d", hours % 24, "h");
}

Duration length_of_ms(std::int64_t ms) {
    constexpr std::int64_t kMax = Duration::max() / 1ms;
    return std::chrono::milliseconds(std::clamp(ms, -kMax, kMax));
}

Duration length_between_ms(std::int64_t from, std::int64_t to) {
    std::int64_t ms = 0;
    if (__builtin_sub_overflow(to, from, &ms))
        return length_of_ms(to < from ? INT64_MIN : INT64_MAX);
    return length_of_ms(ms);
}

std::string printable(std::string_view text) {
    constexpr std::size_t kCharacterBytesMax = 4;
    std::string out;
    while (!text.empty()) {
        std::size_t n = 1;
        while (n <= kCharacterBytesMax && check_text(text.substr(0, n), n) != TextFault::none)
            ++n;
        const bool plain = n <= std::min(kCharacterBytesMax, text.size());
        if (!plain) n = 1;
        out += plain ? std::string(text.substr(0, n))
                     : fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
        text.remove_prefix(n);
    }
    return out;
}

std::string counted(std::uint64_t count, const std::string& noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace presence::cli
