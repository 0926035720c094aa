#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/event.hpp"

// What a webhook posts: pure.
namespace presence::notifier {

// One request. The same events make the same message, so that one which is posted again, after a
// restart too, is known by its id.
struct WebhookMessage {
    std::string id;    // webhook-id: "msg_" and 32 hexadecimal digits, of the ids of its events
    std::string body;  // {"type":"presence.transitions","timestamp":"...","data":[event, ...]}
    std::size_t events = 0;
};

// The chunk in order, at most `events_max` events and about `bytes_max` bytes in each message (a
// single event is never cut).
[[nodiscard]] std::vector<WebhookMessage> webhook_messages(const std::vector<Event>& chunk,
                                                           std::size_t events_max,
                                                           std::size_t bytes_max);

// "2026-11-24T14:03:15.123Z".
[[nodiscard]] std::string utc_text(std::int64_t unix_ms);

}  // namespace presence::notifier
