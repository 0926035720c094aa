#pragma once

#include "tracker/evidence/failure_detector.hpp"

#include <string>

// A collector of the watermarks' tests, and their clock.
namespace presence::tracker {

inline constexpr std::uint64_t kSelf = 7;
inline constexpr Duration kGrace = 30s;

inline Instant at(Duration d) {
    return Instant{1'000s + d};
}

// A collector whose clock is ours + 500 s, on a link that takes no time unless told.
struct Peer {
    std::string id = "c1";
    std::uint64_t boot = 100;
    std::uint64_t number = 0;
    std::uint64_t base = 1;
    std::uint64_t dropped = 0;

    static PeerInstant clock(Instant t) { return PeerInstant{t.time_since_epoch() + 500s}; }

    FrameHeader next(Instant now, Instant watermark) {
        FrameHeader h;
        h.collector = id;
        h.boot = boot;
        h.number = ++number;
        h.base = base;
        h.dropped = dropped;
        h.sent = clock(now);
        h.watermark = clock(watermark);
        h.echo = FrameHeader::Echo{kSelf, micros(now), clock(now)};
        return h;
    }
};

}  // namespace presence::tracker
