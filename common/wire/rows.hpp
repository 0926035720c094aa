#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/frame.hpp"

// The rows and leases of a frame (docs/protocol.md, "Frames"): a sequence of groups, little endian.
//   group := read time i64, bytes of its rows u32, row ...
//   row   := flags u8, length of the id u8, hash u64, id,
//            then by flag, in this order: edge, session, status (each u8 length, bytes),
//            ttl_ms u32, age_ms u32
// A row without an edge has that of the row before it in the frame; at first it is the unnamed.
// Leases likewise:
//   lease := length of the edge u8 (1..64), edge, read time i64
//   sighting := length of the collector u8 (1..64), collector, time i64
namespace presence {

// Appends to `out` what `bytes` hold. False if they are malformed.
[[nodiscard]] bool decode_leases(std::string_view bytes, std::vector<Lease>& out);
[[nodiscard]] bool decode_sightings(std::string_view bytes, std::vector<Sighting>& out);
[[nodiscard]] std::string encode_sightings(const std::vector<Sighting>& sightings);

}  // namespace presence
