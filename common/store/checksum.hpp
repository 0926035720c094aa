#pragma once

#include <cstdint>
#include <string_view>

// Checksums of what a store keeps (XXH3): over a body and over what stands beside it, so that a
// body is not taken for another's. Part of the format.
namespace presence::io {

[[nodiscard]] std::uint64_t sum_of_row(std::uint64_t number, std::uint64_t boot,
                                       std::int64_t written_ms, std::uint64_t total,
                                       std::string_view body);
[[nodiscard]] std::uint64_t sum_of_body(std::uint32_t key, std::string_view body);
[[nodiscard]] std::uint64_t sum_of_state(std::uint32_t key, std::uint64_t number,
                                         std::uint64_t body_sum);
[[nodiscard]] std::uint64_t sum_of_facts(std::string_view body);
[[nodiscard]] std::uint64_t sum_of_about(std::uint64_t format, std::uint64_t cut_at,
                                         std::uint64_t states, std::string_view owner);
[[nodiscard]] std::uint64_t sum_of_mark(std::uint64_t number, std::uint64_t machine_boot);

}  // namespace presence::io
