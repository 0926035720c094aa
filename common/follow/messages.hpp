#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/wire/batch.hpp"
#include "common/wire/query.hpp"

namespace presence {

// A tracker's message, decoded once for all sinks that follow it.
struct TrackerMessage {
    std::size_t tracker = 0;  // index
    std::variant<Batch, Tick, Answer> message;
    std::size_t events = 0;
};
using TrackerMessagePtr = std::shared_ptr<const TrackerMessage>;

// Null if the bytes are no such message, or another tracker's.
[[nodiscard]] TrackerMessagePtr message_of_batch(std::size_t tracker, const std::string& id,
                                                 std::string_view bytes);
[[nodiscard]] TrackerMessagePtr message_of_tick(std::size_t tracker, const std::string& id,
                                                std::string_view bytes);
[[nodiscard]] TrackerMessagePtr message_of_answer(std::size_t tracker, std::string_view bytes);

}  // namespace presence
