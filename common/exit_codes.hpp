#pragma once

// Exit codes of every program here, after sysexits(3).
namespace presence {

// Of commands that ask. Partial: some trackers did not answer, or something is wrong with one.
inline constexpr int kExitPartial = 1;
inline constexpr int kExitNobody = 2;   // `status`: no tracker answers
inline constexpr int kExitOffline = 1;  // `get --exit-code`: somebody is offline
inline constexpr int kExitUnknown = 3;  // ... and nobody knows of somebody

inline constexpr int kExitUsage = 64;        // EX_USAGE: wrong flags
inline constexpr int kExitUnavailable = 69;  // EX_UNAVAILABLE: an address is in use, nobody answers
inline constexpr int kExitSoftware = 70;     // EX_SOFTWARE: a defect
inline constexpr int kExitStorage = 74;      // EX_IOERR: a data directory, or the output
inline constexpr int kExitConfig = 78;       // EX_CONFIG

}  // namespace presence
