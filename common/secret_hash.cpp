#include "common/secret_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <random>

namespace presence {
namespace {

HashSecret secret;

}  // namespace

HashSecret hash_secret() {
    return secret;
}

void draw_hash_secret() {
    static const HashSecret drawn = [] {
        std::random_device random;
        const auto number = [&] { return std::uint64_t{random()} << 32 | random(); };
        const auto add = number();
        return secret = {add, number() | 1};
    }();
    static_cast<void>(drawn);
}

std::size_t SecretHash::operator()(std::string_view text) const {
    return XXH3_64bits_withSeed(text.data(), text.size(), secret_.add);
}

}  // namespace presence
