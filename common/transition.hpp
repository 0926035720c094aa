#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace presence {

enum class State : std::uint8_t { offline, online };

// Why a user became what they are.
enum class Reason : std::uint8_t {
    heartbeat,
    timeout,
    bye,
    edge_lost,
    status,
    startup,
    shutdown,
    reconcile,
    ttl
};

// The words, as on the wire and in files, in the order of the enum.
inline constexpr std::array<std::string_view, 2> kStates{"offline", "online"};
inline constexpr std::array<std::string_view, 9> kReasons{"heartbeat", "timeout",   "bye",
                                                          "edge_lost", "status",    "startup",
                                                          "shutdown",  "reconcile", "ttl"};

[[nodiscard]] constexpr std::string_view name_of(State state) {
    return kStates.at(static_cast<std::size_t>(state));
}
[[nodiscard]] constexpr std::string_view name_of(Reason reason) {
    return kReasons.at(static_cast<std::size_t>(reason));
}

}  // namespace presence
