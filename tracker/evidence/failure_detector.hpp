#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clocks/clock_map.hpp"
#include "common/wire/frame.hpp"

namespace presence::tracker {

// Event time: how far the evidence of all known collectors reaches.
//
// A collector is known when it is expected by the configuration, has sent a frame, or another
// tracker has heard it, until it says goodbye or is silent for `grace`. As long as one known
// collector has told no watermark, event time stands still and nothing expires. A collector that is
// not heard here, but by another tracker (on_sighting), is not silent: it reads, and we do not have
// it. One that vanished (drops it reports, a hole in its frames, silence) may have swallowed
// heartbeats, and while there was none at all nobody was heard; whoever asks `take_lift` then lifts
// every deadline.
//
// Each run of a collector, told by its boot, counts for itself: boots are compared for equality
// only. A run that has not spoken since shortly after a later one began is taken to have ended, as
// when a collector crashed and is back: it vanished. If both speak on, two processes share one id;
// event time waits for both, and each is told of the other.
//
// A network may fall into two halves: then a collector that is given up here lives, and is heard by
// the trackers of the other half alone. Who could tell is a collector that hears every tracker, a
// witness. Without one since it was given up nobody knows (`unwitnessed`), and what is told of its
// users says so.
//
// Pure. Times never go back.
class FailureDetector {
public:
    static constexpr std::size_t kCollectorsMax = 1'000;  // runs, all in all
    static constexpr std::size_t kRunsMax = 4;            // of one collector
    static constexpr std::size_t kSightingsMax = 500;     // acknowledgements have 64 KiB at most
    // Frames come each 20 ms. A run that says nothing for so long after a later one began has
    // ended; what it had sent is here by then, if no link is slower.
    static constexpr Duration kOverlap = 1s;
    // No two frames of a run that are both under way, or wait in sockets, are so far apart: then
    // one of them is forged, or another process has acknowledged what lies between.
    static constexpr std::uint64_t kFramesApartMax = 16 * kFrameWindow;

    FailureDetector(Duration grace, std::vector<std::string> expected, Instant now);

    // How far a collector's run was applied.
    struct Applied {
        std::string collector;
        std::uint64_t boot = 0;
        std::uint64_t applied = 0;
    };
    // As applied() told an earlier run of this tracker: what was applied and written then is not
    // applied again, should that run of the collector send it again. Before the first frame.
    void resume(Applied run);
    // Our run before this one.
    void resume(std::uint64_t boot) { before_ = boot; }
    // In the order of ids.
    [[nodiscard]] std::vector<Applied> applied() const;

    // A run of a collector.
    struct RunId {
        std::string_view collector;
        std::uint64_t boot = 0;
    };

    enum class Accept { apply, duplicate, gap, deferred, senseless, no_room };
    // To be called for each frame in order of arrival, `received` read after receiving it. Rows of
    // a frame that is to be applied must be applied before event_time() is asked. Refused are
    // `senseless` numbers and times, that no collector sends, and what finds `no_room`: more than
    // kCollectorsMax runs, or kRunsMax of one collector, hold event time. `self_boot`: of this
    // tracker; echoes of another boot's stamps are ignored, as its clock may have been another
    // machine's. `address`: where it came from, as it is shown. `takes`: frames can be applied now;
    // else one that is new is `deferred`: heard, and to be sent again.
    Accept on_frame(const FrameHeader& header, std::uint64_t self_boot, Instant received,
                    std::string_view address = {}, bool takes = true);

    // The heartbeat's time on our clock, never early, at most `now`. Requires: a frame of this run
    // was accepted in this turn.
    [[nodiscard]] Instant read_time(RunId run, PeerInstant read, Instant now) const;

    // `by`, a run whose frame was accepted in this turn, tells that another collector spoke to some
    // tracker at `seen` on the teller's clock, or later. One that is not known is expected from
    // then on: it reads, and we do not hear it. So is one that spoke after its goodbye. It says
    // nothing of which run that was: if one of that id is heard here, it was that one.
    void on_sighting(RunId by, const Sighting& sighting, Instant now);
    // What is to be told to a collector: when the others were heard here. Often nothing: it is due
    // twenty times in a grace.
    [[nodiscard]] std::vector<Sighting> sightings_for(RunId run, Instant now);

    // Gives up collectors that are silent beyond the grace.
    void on_time(Instant now);
    // The configuration names these now. Others that hold nothing are forgotten: the view shows
    // them no more.
    void expect(const std::vector<std::string>& expected, Instant now);

    // All heartbeats read up to here have been applied. Never goes back. Nothing before every
    // known collector has told a watermark.
    [[nodiscard]] std::optional<Instant> event_time(Instant now);

    // Since when the evidence is complete: every heartbeat read from here up to event_time() has
    // been applied. Nothing before the first event time.
    [[nodiscard]] std::optional<Instant> covered_since() const { return covered_since_; }

    // True once after a collector vanished: evidence may be missing for the time before now.
    [[nodiscard]] bool take_lift();

    // A collector was given up that may live: no witness has been heard since, for long enough to
    // have told.
    [[nodiscard]] bool unwitnessed() const;

    // Another process speaks under this tracker's id: a collector heard it after we began, and
    // within the hour.
    [[nodiscard]] bool other_tracker(Instant now) const;

    // Runs that hold event time: all but those silent beyond the grace.
    [[nodiscard]] std::size_t known() const;
    [[nodiscard]] bool holds(RunId run) const;

    struct View {
        std::string_view id;
        std::uint64_t boot = 0;  // 0: not heard yet
        enum class State { expected, live, silent, departed } state = State::expected;
        std::uint64_t applied = 0;
        bool gap = false;
        std::optional<Instant> watermark;
        Instant heard{};     // its last frame came; of one not heard yet: since when it is expected
        Instant alive{};     // the same, or it was heard by another tracker
        PeerInstant sent{};  // its newest frame, by its clock; 0: not known
        std::string_view address{};
        std::optional<RunId> other{};  // another run, as alive: two processes have this id
    };
    // In the order of ids. Of each the runs that hold event time, or else the one heard last.
    [[nodiscard]] std::vector<View> view(Instant now) const;
    [[nodiscard]] std::optional<View> view_of(RunId run, Instant now) const;

private:
    using Key = std::pair<std::string, std::uint64_t>;
    struct Run {
        View::State state = View::State::expected;
        std::uint64_t applied = 0;
        std::uint64_t dropped = 0;
        bool gap = false;
        Instant began{};        // its first frame came
        Instant spoke{};        // its last one
        Instant heard{};        // the same, or it is expected since
        PeerInstant sent{};     // its newest frame, which may have waited, by its clock
        Instant seen{};         // by another tracker
        Instant told_others{};  // of which it was told last
        std::optional<PeerInstant> watermark;
        ClockMap clock;
        std::int64_t last_echo_us = 0;
        std::optional<PeerInstant> heard_other;  // a tracker that is another run than ours
        bool misses_tracker = false;
        bool unwitnessed = false;  // as it was given up
        std::string address;

        [[nodiscard]] Instant alive() const { return std::max(heard, seen); }
        [[nodiscard]] bool holds() const {
            return state == View::State::expected || state == View::State::live;
        }
        [[nodiscard]] std::optional<Instant> reaches(Instant now) const;
    };
    using Runs = std::map<Key, Run>;
    // All runs of a collector; an expected one that is not known by a boot has boot 0.
    template <class Map>
    static auto runs_of(Map& runs, std::string_view collector) {
        return std::pair{runs.lower_bound(Key{collector, 0}),
                         runs.upper_bound(Key{collector, ~std::uint64_t{0}})};
    }
    // Null: no room.
    Run* find_or_begin(const FrameHeader& header, Instant received, std::string_view address);
    [[nodiscard]] bool make_room(std::string_view collector);
    [[nodiscard]] bool note_clocks(Run& run, const FrameHeader& header, std::uint64_t self_boot,
                                   Instant received);
    // When the later run began after which this one has not spoken.
    [[nodiscard]] std::optional<Instant> succeeded_at(const Key& key, const Run& run) const;
    [[nodiscard]] std::optional<RunId> other_than(const Key& key, const Run& run,
                                                  Instant now) const;
    void evidence_lost(Instant now);
    void look_for_witnesses(Instant now);
    [[nodiscard]] bool witnessed(Instant now) const;
    [[nodiscard]] View view_of(const Key& key, const Run& run, Instant now) const;

    Duration grace_;
    Instant began_;
    std::uint64_t before_ = 0;  // boot of the run before ours, whose last words may come late
    Runs runs_;
    std::map<Key, std::uint64_t> resumed_;  // applied; of runs not heard yet
    std::optional<Instant> event_time_;
    std::optional<Instant> covered_since_;
    bool lift_ = false;
    std::optional<Instant> witnessed_since_;
};

}  // namespace presence::tracker
