#pragma once

#include <cstddef>
#include <cstdint>

// Bounds of the wire contract (docs/protocol.md). What may be configured is in config.hpp.
namespace presence {

inline constexpr std::size_t kUserBytesMax = 128;
inline constexpr std::size_t kNameBytesMax = 64;  // session, status and edge names
inline constexpr std::size_t kSessionsPerUserMax = 16;
inline constexpr std::size_t kEdgesMax = 10'000;
inline constexpr std::uint32_t kTtlMinMs = 1'000;
inline constexpr std::uint32_t kTtlMaxMs = 24u * 3600u * 1000u;
inline constexpr std::uint32_t kLingerMaxMs = 3600u * 1000u;

inline constexpr std::size_t kHeartbeatMessageBytesMax = 64 * 1024;
inline constexpr std::size_t kFrameBytesMax = 1024 * 1024;
inline constexpr std::size_t kFrameBytesTarget =
    64 * 1024;  // a hop is dear by the frame below this
inline constexpr std::size_t kBatchBytesMax = 256 * 1024;
inline constexpr std::size_t kQueryBytesMax = 64 * 1024;
inline constexpr std::size_t kGetUsersMax = 1000;  // ids in one question
inline constexpr std::size_t kHoldsTold = 100;     // silent edges in one answer
inline constexpr std::size_t kAnswerBytesMax = 2 * 1024 * 1024;
inline constexpr std::size_t kAnswerPageBytes = 1024 * 1024;

}  // namespace presence
