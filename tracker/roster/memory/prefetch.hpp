#pragma once

namespace presence::tracker {

// Asks for the cache line at `address`, which is about to be read, or written.
inline void prefetch(const void* address) {
    __builtin_prefetch(address, 1);
    // Without an effect that it sees, g++ 12 leaves out the calls of whatever only prefetches.
    asm volatile("");
}

}  // namespace presence::tracker
