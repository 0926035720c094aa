#pragma once

#include <algorithm>
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
// goodbye or is silent for `grace`. As long as one known collector has told no watermark, event
// time stands still and nothing expires. A collector that is not heard here, but by another tracker
// (on_sighting), is not silent: it reads, and we do not have it. One that vanished (a new boot,
// drops it reports, a hole in its frames, silence) may have swallowed heartbeats, and while there
// was none at all nobody was heard; whoever asks `take_lift` then lifts every deadline.
//
// Pure. Times never go back.
class Watermarks {
public:
    static constexpr std::size_t kCollectorsMax = 1'000;
    static constexpr std::size_t kSightingsMax = 500;  // acknowledgements have 64 KiB at most
    // A lower boot is a straggler while the higher one still speaks; later it is a run that began
    // after its wall clock was set back.
    static constexpr Duration kBootOverlap = 5s;

    Watermarks(Duration grace, std::vector<std::string> expected, Instant now);

    // How far a collector's run was applied.
    struct Link {
        std::string collector;
        std::uint64_t boot = 0;
        std::uint64_t applied = 0;
    };
    // As links() told an earlier run of this tracker: what was applied and written then is not
    // applied again, should that run of the collector send it again. Before the first frame.
    void resume(Link link);
    // In the order of ids.
    [[nodiscard]] std::vector<Link> links() const;

    enum class Accept { apply, duplicate, gap, refused };
    // To be called for each frame in order of arrival, `received` read after receiving it. Rows of
    // a frame that is to be applied must be applied before event_time() is asked. `refused`: a
    // straggler of an older boot, numbers that make no sense, or more than kCollectorsMax
    // collectors. `self_boot`: of this tracker; echoes of another boot's stamps are ignored, as its
    // clock may have been another machine's.
    Accept on_frame(const FrameHeader& header, std::uint64_t self_boot, Instant received);

    // The heartbeat's time on our clock, never early, at most `now`. Requires: a frame of this
    // collector was accepted in this turn.
    [[nodiscard]] Instant read_time(std::string_view collector, PeerInstant read,
                                    Instant now) const;

    // `by`, a collector whose frame was accepted in this turn, tells that another one spoke to some
    // tracker at `seen` on the teller's clock, or later. Ignored are unknown ones, and those that
    // said goodbye.
    void on_sighting(std::string_view by, const Sighting& sighting, Instant now);
    // What is to be told to a collector: when the others were heard here. Often nothing: it is due
    // twenty times in a grace.
    [[nodiscard]] std::vector<Sighting> sightings_for(std::string_view collector, Instant now);

    // The collector is told that it was heard now, whether it was or not: its silence counts from
    // here. False: it holds event time no more.
    bool excuse(std::string_view collector, Instant now);

    // Forgets collectors that are silent beyond the grace.
    void on_time(Instant now);

    // All heartbeats read up to here have been applied. Never goes back. Nothing before every
    // known collector has told a watermark.
    [[nodiscard]] std::optional<Instant> event_time(Instant now);

    // Since when the evidence is complete: every heartbeat read from here up to event_time() has
    // been applied. Nothing before the first event time.
    [[nodiscard]] std::optional<Instant> covered_since() const { return covered_since_; }

    // True once after a collector vanished: evidence may be missing for the time before now.
    [[nodiscard]] bool take_lift();

    // Collectors that hold event time: all but those silent beyond the grace.
    [[nodiscard]] std::size_t known() const;
    [[nodiscard]] bool holds(std::string_view collector) const;

    struct View {
        std::string_view id;
        std::uint64_t boot = 0;
        enum class State { expected, live, silent, departed } state = State::expected;
        std::uint64_t applied = 0;
        bool gap = false;
        std::optional<Instant> watermark;
        Instant heard{};  // its last frame came; of one not heard yet: since when it is expected
        Instant alive{};  // the same, or it was heard by another tracker
    };
    [[nodiscard]] std::vector<View> view(Instant now) const;
    [[nodiscard]] std::optional<View> view_of(std::string_view collector, Instant now) const;

private:
    struct Collector {
        View::State state = View::State::expected;
        std::uint64_t boot = 0;  // 0: not heard yet
        std::uint64_t applied = 0;
        std::uint64_t dropped = 0;
        bool gap = false;
        Instant heard{};
        PeerInstant sent{};     // its newest frame, which may have waited, by its clock
        Instant seen{};         // by another tracker
        Instant told_others{};  // of which it was told last
        std::optional<PeerInstant> watermark;
        ClockMap clock;
        std::int64_t last_echo_us = 0;

        [[nodiscard]] Instant alive() const { return std::max(heard, seen); }
        [[nodiscard]] bool holds() const {
            return state == View::State::expected || state == View::State::live;
        }
        [[nodiscard]] std::optional<Instant> reaches(Instant now) const;
    };
    // Null: no room.
    Collector* find_or_add(const std::string& id);
    [[nodiscard]] bool none_holds_but(const Collector& one) const;
    void evidence_lost(Instant now);
    static View view_of(std::string_view id, const Collector& c, Instant now);

    Duration grace_;
    std::unordered_map<std::string, Collector> collectors_;
    std::unordered_map<std::string, Link> resumed_;  // not heard yet
    std::optional<Instant> event_time_;
    std::optional<Instant> covered_since_;
    bool lift_ = false;
};

}  // namespace presence::tracker
