#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace presence {

// What decides places in tables whose keys strangers choose. The slot of a user hangs on a public
// hash, and so do the hashes of the standard library: an attacker can make keys that all
// have one place, and each look into such a table a walk through all of them. A key that the
// process has drawn for itself cannot be met so.
struct HashSecret {
    std::uint64_t add = 0x243f6a8885a308d3;       // any; these are digits of pi
    std::uint64_t multiply = 0x13198a2e03707345;  // odd
};

// The process's. Tables take theirs when they are made. The one above until it is set, so that a
// run of cores alone is the same each time.
[[nodiscard]] HashSecret hash_secret();
// Draws one, the first time it is called; for shells.
void draw_hash_secret();

// Both halves of a product (Wang Yi's wyhash).
[[nodiscard]] inline std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const auto product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Spreads a hash that others know. One product alone is not enough: hashes at equal distances stay
// at equal distances, and for one secret in forty these lie close together.
[[nodiscard]] inline std::uint64_t mixed(std::uint64_t hash, const HashSecret& secret) {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio
    return folded_product(folded_product(hash ^ secret.add, secret.multiply), kGolden);
}

// For the standard library's tables, of texts and of hashes.
class SecretHash {
public:
    using is_transparent = void;

    [[nodiscard]] std::size_t operator()(std::string_view text) const;
    [[nodiscard]] std::size_t operator()(std::uint64_t hash) const { return mixed(hash, secret_); }

private:
    HashSecret secret_ = hash_secret();
};

}  // namespace presence
