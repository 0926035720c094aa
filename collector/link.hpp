#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "collector/compacted_queue.hpp"
#include "collector/counters.hpp"
#include "collector/edges.hpp"
#include "collector/sightings.hpp"
#include "collector/window.hpp"
#include "common/limits.hpp"
#include "common/time.hpp"
#include "common/wire/frame.hpp"

namespace presence::collector {

// What one tracker is to be told, until it has acknowledged it.
//
// Rows are cut into frames, which wait in a Window until they are acknowledged, up to
// `resend_bytes_max`. Beyond that rows go into a backlog, and the watermark stands still until it
// is empty again.
class Link {
public:
    // How old a tracker's knowledge of who is heard may be, beside the way of a frame.
    static constexpr Duration kLeaseInterval = 500ms;
    // One that acknowledged nothing new for longer takes nothing. It has a frame each 20 ms.
    static constexpr Duration kTakesWithin = 250ms;

    struct Options {
        std::string cluster;
        std::string collector;
        std::string tracker;
        std::uint64_t boot = 0;
        Duration flush_interval{};
        std::uint64_t resend_bytes_max = 0;
        std::uint64_t backlog_max = 0;
        const Edges* edges = nullptr;  // outlives the link
        std::shared_ptr<const Routing> routing{};
    };
    using Send = std::function<void(std::string frame)>;

    explicit Link(Options options);

    // `received`: read after the row's message was received.
    void append(const Row& row, Instant received) {
        if (diverted_) return divert(row, received);
        rows_.append(row);
        if (rows_.bytes() >= kFrameBytesTarget) cut(received);
    }
    // The same for a row that says nothing but whose it is.
    void append(std::uint64_t hash, std::string_view user, const RowSource& source,
                std::uint32_t age_ms, Instant received) {
        if (diverted_)
            return divert({.hash = hash, .user = user, .edge = source.edge, .age_ms = age_ms},
                          received);
        rows_.append(hash, user, source, age_ms);
        if (rows_.bytes() >= kFrameBytesTarget) cut(received);
    }

    struct Turn {
        Instant now{};
        Instant watermark{};                   // everything read up to then has been appended
        Epoch epoch = 0;                       // the highest heard of
        const Sightings* sightings = nullptr;  // none if there is no other tracker
        bool misses_tracker = false;           // as in a frame
    };
    // Sends what is due.
    void end_turn(const Turn& turn, const Send& send);
    // False if the acknowledgement cannot be for what was sent here.
    [[nodiscard]] bool on_ack(const Ack& ack, Instant received);
    // The tracker says that it applied what was never sent: somebody sent in our name, and it would
    // take what we send for what it had.
    [[nodiscard]] bool astray() const { return astray_; }

    // From now on rows are routed by another list. Each list has a frame of its own, so that the
    // tracker knows of each. Requires: called between turns.
    void route_by(std::shared_ptr<const Routing> routing) {
        cut({});
        options_.routing = std::move(routing);
    }
    // By which list the tracker goes, as it said last; nothing before that.
    [[nodiscard]] const std::optional<ListRank>& tracker_list() const { return heard_.list; }

    // Heartbeats may have been lost before they were read: told with the next frame.
    void note_loss() { ++losses_; }

    // The next frame after everything appended so far is the last.
    void leave() {
        if (leaving_ == Leaving::no) leaving_ = Leaving::asked;
        flush_at_ = {};
        gossip_.leases_at = {};
    }
    [[nodiscard]] bool all_acknowledged() const;
    [[nodiscard]] bool heard() const { return heard_.boot != 0; }
    // Another process speaks under this collector's id, says the tracker.
    [[nodiscard]] const std::optional<Ack::Other>& other() const { return heard_.other; }
    // A frame that was sent then has reached the tracker: its patience with us counts from there,
    // or later. Nothing before the first.
    [[nodiscard]] const std::optional<Instant>& heard_at() const { return heard_.at; }

    // The tracker acknowledges what it is sent.
    [[nodiscard]] bool takes(Instant now) const {
        return heard_.progress_at && now - *heard_.progress_at < kTakesWithin;
    }
    // It has enough to take: what may be under way, or half of what may be kept.
    [[nodiscard]] bool behind() const {
        return diverted_ || window_.bytes() >= std::min<std::uint64_t>(
                                                   Window::kBytes, options_.resend_bytes_max / 2);
    }

    // Event time has not come further at this tracker. Long ago, before the first.
    [[nodiscard]] Instant watermark() const { return watermark_; }

    // Hands over every row not yet acknowledged, fn(row, read time), and is of no use afterwards.
    // Requires: called between turns.
    void release(const std::function<void(const Row&, PeerInstant)>& fn);
    // Takes a row that another link released.
    void divert(const Row& row, Instant received);

    // When end_turn is due even without input.
    // A frame without rows tells the time alone, and costs two processes a wake-up.
    [[nodiscard]] Instant next_wakeup() const {
        return rows_.empty() && leaving_ == Leaving::no ? flush_at_ + options_.flush_interval
                                                        : flush_at_;
    }
    [[nodiscard]] const std::string& tracker() const { return options_.tracker; }

    [[nodiscard]] const CollectorCounters& counters() const { return counters_; }
    [[nodiscard]] std::size_t backlog_rows() const { return backlog_.size(); }

private:
    void cut(Instant now, bool goodbye = false);
    void flush(Instant now);
    void drain_backlog(Instant now);
    void send_due(const Turn& turn, const Send& send);
    void send_frame(const Window::Due& due, const Turn& turn, const Send& send);
    [[nodiscard]] std::string leases_due(Instant now);
    [[nodiscard]] std::string_view sightings_due(const Sightings* sightings);

    Options options_;
    RowGroups rows_;
    CompactedQueue backlog_;
    bool diverted_ = false;  // new rows go to the backlog
    Window window_;
    Instant watermark_{};
    Instant flush_at_{};

    // It belongs to no frame: whichever leaves next takes what is due, as it is then.
    struct Gossip {
        Instant leases_at{};               // when leases are due
        Instant leases_since{};            // edges heard since then are told
        std::uint64_t sightings_told = 0;  // their number
    };
    Gossip gossip_;

    std::optional<FrameHeader::Echo> echo_;  // not yet told
    // What its acknowledgements said last.
    struct Heard {
        std::uint64_t boot = 0;
        std::uint64_t moved = 0;
        std::optional<ListRank> list{};
        std::optional<Ack::Other> other{};
        std::optional<Instant> progress_at{};  // the newest that was of something new
        std::optional<Instant> at{};           // see heard_at()
    };
    Heard heard_;

    enum class Leaving { no, asked, said };
    Leaving leaving_ = Leaving::no;
    bool astray_ = false;
    std::uint64_t losses_ = 0;  // beside the rows that were dropped
    CollectorCounters counters_;
};

}  // namespace presence::collector
