#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/wire/batch.hpp"
#include "common/wire/query.hpp"

namespace presence::notifier {

// A tracker's message, decoded once for all sinks that follow it.
struct Heard {
    std::size_t tracker = 0;  // index
    std::variant<Batch, Tick, Answer> message;
    std::size_t events = 0;
};
using HeardPtr = std::shared_ptr<const Heard>;

// Null if the bytes are no such message, or another tracker's.
[[nodiscard]] HeardPtr heard_batch(std::size_t tracker, const std::string& id,
                                   std::string_view bytes);
[[nodiscard]] HeardPtr heard_tick(std::size_t tracker, const std::string& id,
                                  std::string_view bytes);
[[nodiscard]] HeardPtr heard_answer(std::size_t tracker, std::string_view bytes);

}  // namespace presence::notifier
