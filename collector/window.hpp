#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/time.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/tracker_list.hpp"

namespace presence::collector {

// The list of trackers by which rows are routed, and its ids as frames tell them.
struct Routing {
    ListRank rank;
    std::string ids;
};

// The frames of a link that are not acknowledged yet: numbered, sent in order, of which a window is
// under way at once. A gap or a long silence has all of them sent again (go-back-N; Tanenbaum,
// "Computer Networks", 3.4). During a silence the first one alone is sent, as a probe.
//
// Pure. Times never go back.
class Window {
public:
    static constexpr std::size_t kFrames = kFrameWindow;
    static constexpr std::size_t kBytes = 8u << 20;
    static constexpr Duration kProbeInterval = 1s;
    // After a gap is told once, so long it is taken to be the same one, told by frames under way.
    static constexpr Duration kGapPause = 200ms;

    // A frame is encoded anew each time it is sent: base, echo and the time of sending change.
    struct Frame {
        std::string rows;
        std::uint64_t row_count = 0;
        Instant watermark{};
        bool goodbye = false;
        std::shared_ptr<const Routing> routing{};

        [[nodiscard]] std::size_t bytes() const { return rows.capacity() + sizeof(Frame); }
    };

    void push(Frame frame) {
        frames_.push_back(std::move(frame));
        bytes_ += frames_.back().bytes();
    }

    // What is to be sent now, if anything is, and again each time until nothing is. `again`: it was
    // sent before. The frame lives until it is acknowledged.
    struct Due {
        Frame& frame;
        std::uint64_t number;
        bool again;
    };
    [[nodiscard]] std::optional<Due> take_due();

    // Once a turn. True: the tracker is silent, so all that is under way will be sent again.
    [[nodiscard]] bool watch(Instant now);
    // Forgets the frames up to this number. False: there was none.
    bool acknowledge(std::uint64_t applied, Instant received);
    // The tracker misses a frame. True: so all that is under way will be sent again.
    [[nodiscard]] bool on_gap(Instant received);

    // Lowest number that is not acknowledged, and the highest that was ever sent.
    [[nodiscard]] std::uint64_t base() const { return base_; }
    [[nodiscard]] std::uint64_t sent_max() const { return sent_max_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] bool empty() const { return frames_.empty(); }
    [[nodiscard]] bool all_under_way() const { return next_ == frames_.size(); }
    [[nodiscard]] const std::deque<Frame>& frames() const { return frames_; }

private:
    void pop();
    void rewind();

    std::deque<Frame> frames_;  // frames_[i] has number base_ + i
    std::uint64_t base_ = 1;
    std::uint64_t sent_max_ = 0;
    std::size_t bytes_ = 0;
    std::size_t next_ = 0;             // index of the next one to send
    std::size_t under_way_bytes_ = 0;  // of frames_[0, next_)

    Instant quiet_since_{};  // no progress of acknowledgements since then
    bool probing_ = false;
    bool probe_due_ = false;
    struct Gap {
        std::uint64_t base = 0;
        Instant at{};
    };
    Gap gap_;  // the last for which all was sent again
};

}  // namespace presence::collector
