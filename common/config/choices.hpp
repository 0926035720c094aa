#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

// What is one of few words. Files, flags and --print-config have the words, everything
// else the enums.
namespace presence {

// In the order in which a pipeline ends them.
enum class ProcessKind : std::uint8_t { collector, tracker, notifier };
enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { logfmt, json };
enum class Durability : std::uint8_t { off, process, power };
enum class OnStart : std::uint8_t { resume, offline };
enum class OnShutdown : std::uint8_t { hold, offline };
enum class SinkType : std::uint8_t {
    unset,
    standard_output,
    jsonl,
    exec,
    webhook,
    redis,
    postgres,
    kafka,
    nats
};
// The place holds who is online, not what happened.
[[nodiscard]] constexpr bool is_state_place(SinkType type) {
    return type == SinkType::redis || type == SinkType::postgres;
}
enum class SinkFormat : std::uint8_t { text, json };   // of standard output
enum class SinkMode : std::uint8_t { every, latest };  // latest: of what waits, of each user

// The words, in the order of the enum. An empty one cannot be written.
template <class Enum>
inline constexpr std::array<std::string_view, 0> kWords{};
template <>
inline constexpr std::array<std::string_view, 3> kWords<ProcessKind>{"collector", "tracker",
                                                                     "notifier"};
template <>
inline constexpr std::array<std::string_view, 4> kWords<LogLevel>{"debug", "info", "warn", "error"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<LogFormat>{"logfmt", "json"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<Durability>{"off", "process", "power"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<OnStart>{"resume", "offline"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<OnShutdown>{"hold", "offline"};
template <>
inline constexpr std::array<std::string_view, 9> kWords<SinkType>{
    "", "stdout", "jsonl", "exec", "webhook", "redis", "postgres", "kafka", "nats"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<SinkFormat>{"text", "json"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<SinkMode>{"every", "latest"};

template <class Enum>
[[nodiscard]] constexpr std::string_view word_of(Enum value) {
    return kWords<Enum>.at(static_cast<std::size_t>(value));
}

}  // namespace presence
