#include "common/io/event_text.hpp"

#include <fmt/format.h>

#include <ctime>

namespace presence::io {

std::string text_line(const Event& event) {
    const auto seconds = static_cast<std::time_t>(event.at_ms / 1000);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    auto line = fmt::format("{:02}:{:02}:{:02}.{:03}  {:<7}  {}  {}", local.tm_hour, local.tm_min,
                            local.tm_sec, event.at_ms % 1000, name_of(event.state), event.user,
                            event.reason);
    if (event.status) line += fmt::format("  status={}", *event.status);
    if (event.freshness != Freshness::live) line += fmt::format("  {}", name_of(event.freshness));
    return line;
}

}  // namespace presence::io
