#include <array>
#include <charconv>
#include <limits>

#include "common/config/config.hpp"

namespace presence {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t micros;
};
constexpr std::array<Unit, 6> kUnits{{{"d", 86'400'000'000},
                                      {"h", 3'600'000'000},
                                      {"m", 60'000'000},
                                      {"s", 1'000'000},
                                      {"ms", 1'000},
                                      {"us", 1}}};

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    // from_chars takes a minus sign, we do not.
    if (text.empty() || text[0] < '0' || text[0] > '9') return {};
    std::int64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return {};
    const auto unit_name = text.substr(static_cast<std::size_t>(rest - text.data()));
    for (const auto& unit : kUnits) {
        if (unit.name != unit_name) continue;
        if (number > std::numeric_limits<std::int64_t>::max() / unit.micros) return {};
        return Duration{number * unit.micros};
    }
    return {};
}

std::string format_duration(Duration d) {
    if (d.count() == 0) return "0s";
    for (const auto& unit : kUnits) {
        // 24h and 90s say more to a reader than 1d and 90000ms; days only from two on.
        if (d.count() % unit.micros != 0) continue;
        if (unit.name == "d" && d.count() / unit.micros < 2) continue;
        return std::to_string(d.count() / unit.micros).append(unit.name);
    }
    return {};  // the last unit divides everything
}

}  // namespace presence
