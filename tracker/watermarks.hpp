#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/clock_map.hpp"
#include "common/frame.hpp"

namespace presence::tracker {

// Event time: how far the evidence of all known collectors reaches.
//
// A collector is known when it is expected by the configuration or has sent a frame, until it says
// goodbye or is silent for `grace`. As long as one known collector has told no watermark, there is
// no event time and nothing expires. A collector that vanished (a new boot, drops it reports,
// silence) may have swallowed heartbeats; whoever asks `take_lift` then lifts every deadline.
//
// Pure. Times never go back.
class Watermarks {
public:
    Watermarks(Duration grace, std::vector<std::string> expected, Instant now);

    enum class Accept { apply, duplicate, gap };
    // To be called for each frame in order of arrival, `received` read after receiving it. Rows of
    // a frame that is to be applied must be applied before event_time() is asked.
    Accept on_frame(const FrameHeader& header, Instant received);

    // The heartbeat's time on our clock, never early. Requires: a frame of this collector was
    // accepted in this turn.
    [[nodiscard]] Instant read_time(std::string_view collector, PeerInstant read,
                                    Instant now) const;

    // Forgets collectors that are silent beyond the grace.
    void on_time(Instant now);

    // All heartbeats read up to here have been applied. Never goes back.
    [[nodiscard]] std::optional<Instant> event_time(Instant now);

    // True once after a collector vanished: evidence may be missing for the time before now.
    [[nodiscard]] bool take_lift();

    struct View {
        std::string_view id;
        std::uint64_t boot = 0;
        enum class State { expected, live, silent } state = State::expected;
        std::uint64_t applied = 0;
        bool gap = false;
        std::optional<Instant> watermark;
    };
    [[nodiscard]] std::vector<View> view(Instant now) const;
    [[nodiscard]] std::optional<View> view_of(std::string_view collector, Instant now) const;

private:
    struct Collector {
        std::uint64_t boot = 0;  // 0: expected, not heard yet
        std::uint64_t applied = 0;
        std::uint64_t dropped = 0;
        bool gap = false;
        Instant heard{};
        PeerInstant watermark{};
        ClockMap clock;
        std::int64_t last_echo_us = 0;
    };
    Duration grace_;
    std::unordered_map<std::string, Collector> collectors_;
    std::optional<Instant> event_time_;
    bool lift_ = false;
};

}  // namespace presence::tracker
