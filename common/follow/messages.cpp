#include "common/follow/messages.hpp"

#include <utility>

namespace presence {

TrackerMessagePtr message_of_batch(std::size_t tracker, const std::string& id,
                                   std::string_view bytes) {
    auto batch = decode_batch(bytes);
    if (!batch || batch->tracker != id) return nullptr;
    std::size_t events = 0;
    for (const auto& run : batch->slots)
        events += run.events.size();
    return std::make_shared<TrackerMessage>(TrackerMessage{tracker, std::move(*batch), events});
}

TrackerMessagePtr message_of_tick(std::size_t tracker, const std::string& id,
                                  std::string_view bytes) {
    auto tick = decode_tick(bytes);
    if (!tick || tick->tracker != id) return nullptr;
    return std::make_shared<TrackerMessage>(TrackerMessage{tracker, std::move(*tick), 0});
}

TrackerMessagePtr message_of_answer(std::size_t tracker, std::string_view bytes) {
    auto answer = decode_answer(bytes);
    if (!answer) return nullptr;
    return std::make_shared<TrackerMessage>(TrackerMessage{tracker, std::move(*answer), 0});
}

}  // namespace presence
