#pragma once

#include <bit>
#include <cstdint>

namespace presence::simulation {

// xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64. Own code and integers only, so
// that a seed gives the same run, byte for byte, with any compiler and library.
class Random {
public:
    explicit Random(std::uint64_t seed) {
        for (auto& word : state_)
            word = splitmix(seed);
    }

    std::uint64_t next() {
        const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    // Uniform in [0, n); n > 0. The bias is below n / 2^32, which no run here can notice.
    std::uint64_t below(std::uint64_t n) { return (next() >> 32) * n >> 32; }
    // Uniform in [low, high].
    std::int64_t between(std::int64_t low, std::int64_t high) {
        const auto span = static_cast<std::uint64_t>(high - low) + 1;
        return low + static_cast<std::int64_t>(span <= kNarrow ? below(span) : next() % span);
    }
    bool percent(unsigned p) { return below(100) < p; }
    bool permille(unsigned p) { return below(1000) < p; }
    // A generator of its own, so that one part's draws do not shift another's.
    Random fork() { return Random(next()); }

private:
    static constexpr std::uint64_t kNarrow = 1ull << 32;

    static std::uint64_t splitmix(std::uint64_t& seed) {
        std::uint64_t z = (seed += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }

    std::uint64_t state_[4];
};

}  // namespace presence::simulation
