#pragma once

// Exit codes of every program here, after sysexits(3).
namespace presence {

inline constexpr int kExitUsage = 64;        // EX_USAGE: wrong flags
inline constexpr int kExitUnavailable = 69;  // EX_UNAVAILABLE: an address is in use, nobody answers
inline constexpr int kExitSoftware = 70;     // EX_SOFTWARE: a defect
inline constexpr int kExitStorage = 74;      // EX_IOERR: a data directory, or the output
inline constexpr int kExitConfig = 78;       // EX_CONFIG

}  // namespace presence
