#include "common/store/checksum.hpp"

#include <xxhash.h>

#include <array>

namespace presence::io {
namespace {

// `kind` keeps a row's sum from being right for a state.
std::uint64_t sum(std::uint64_t kind, std::array<std::uint64_t, 4> beside, std::string_view body) {
    beside[0] ^= kind << 56;
    return XXH3_64bits_withSeed(body.data(), body.size(),
                                XXH3_64bits(beside.data(), sizeof(beside)));
}

}  // namespace

std::uint64_t sum_of_row(std::uint64_t number, std::uint64_t boot, std::int64_t written_ms,
                         std::uint64_t total, std::string_view body) {
    return sum(1, {number, boot, static_cast<std::uint64_t>(written_ms), total}, body);
}
std::uint64_t sum_of_body(std::uint32_t key, std::string_view body) {
    return sum(2, {key, 0, 0, 0}, body);
}
std::uint64_t sum_of_state(std::uint32_t key, std::uint64_t number, std::uint64_t body_sum) {
    return sum(3, {key, number, body_sum, 0}, {});
}
std::uint64_t sum_of_facts(std::string_view body) {
    return sum(4, {}, body);
}
std::uint64_t sum_of_about(std::uint64_t format, std::uint64_t cut_at, std::uint64_t states,
                           std::string_view owner) {
    return sum(5, {format, cut_at, states, 0}, owner);
}
std::uint64_t sum_of_mark(std::uint64_t number, std::uint64_t machine_boot) {
    return sum(6, {number, machine_boot, 0, 0}, {});
}

}  // namespace presence::io
