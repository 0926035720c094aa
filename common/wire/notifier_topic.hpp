#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace presence {

// A notifier subscribes to a topic of its own at each tracker, "notifier/<id>/<boot>": so trackers
// know who follows, and by it they tell one whose id another process has, too.
inline constexpr std::string_view kTopicNotifierPrefix = "notifier/";

[[nodiscard]] inline std::string topic_of_notifier(std::string_view id, std::uint64_t boot) {
    return std::string(kTopicNotifierPrefix).append(id) + "/" + std::to_string(boot);
}

}  // namespace presence
