#include "collector/link.hpp"

#include <algorithm>
#include <utility>

#include "common/bugs.hpp"
#include "common/check.hpp"

namespace presence::collector {
namespace {

// So that a long backlog does not make a turn look like a stall.
constexpr std::size_t kBacklogRowsPerTurn = 20'000;

// Our own stamps, as the peer sees them.
PeerInstant told(Instant t) {
    return PeerInstant{t.time_since_epoch()};
}

}  // namespace

Link::Link(Options options) : options_(std::move(options)), backlog_(options_.backlog_max) {}

void Link::divert(const Row& row, Instant received) {
    diverted_ = true;
    switch (backlog_.put(row, told(received))) {
        case CompactedQueue::Put::added:
            break;
        case CompactedQueue::Put::merged:
            ++counters_["merged"];
            break;
        case CompactedQueue::Put::refused:
            ++counters_["dropped"];
            break;
    }
}

void Link::end_turn(const Turn& turn, const Send& send) {
    rows_.close_group(told(turn.now));
    if (diverted_) drain_backlog(turn.now);
    if (!diverted_ || bug(Bug::watermark_before_backlog)) watermark_ = turn.watermark;
    watch(turn.now);
    send_due(turn, send);
    if (turn.now < next_wakeup()) return;
    flush(turn.now);
    send_due(turn, send);
}

void Link::cut(Instant now, bool goodbye) {
    rows_.close_group(told(now));
    const std::uint64_t row_count = rows_.rows();
    in_flight_.push_back({rows_.take(), row_count, watermark_, goodbye, {}, options_.routing});
    kept_bytes_ += in_flight_.back().bytes();
    if (kept_bytes_ >= options_.resend_bytes_max) diverted_ = true;
}

void Link::flush(Instant now) {
    flush_at_ = now + options_.flush_interval;
    // Behind frames that wait themselves, a small one would only cost.
    if (left_ || (next_ < in_flight_.size() && rows_.bytes() < kFrameBytesTarget)) return;
    left_ = leaving_ && !diverted_;
    cut(now, left_);
}

void Link::drain_backlog(Instant now) {
    PeerInstant open{};
    for (std::size_t n = 0; n < kBacklogRowsPerTurn && !backlog_.empty(); ++n) {
        if (kept_bytes_ + rows_.bytes() >= options_.resend_bytes_max) break;
        backlog_.take([&](const Row& row, PeerInstant read) {
            if (open != read) rows_.close_group(open);
            open = read;
            rows_.append(row);
        });
        if (rows_.bytes() < kFrameBytesTarget) continue;
        rows_.close_group(open);
        cut(now);
    }
    rows_.close_group(open);
    diverted_ = !backlog_.empty() || kept_bytes_ >= options_.resend_bytes_max;
}

void Link::watch(Instant now) {
    if (next_ == 0 && !probing_) quiet_since_ = now;
    if (now - quiet_since_ < kProbeInterval) return;
    rewind();
    quiet_since_ = now;
    probing_ = true;
    probe_due_ = true;
}

void Link::send_due(const Turn& turn, const Send& send) {
    if (probing_) {
        if (std::exchange(probe_due_, false)) send_kept(0, turn, send);
        return;
    }
    while (next_ < in_flight_.size() && next_ < kWindowFrames && under_way_bytes_ < kWindowBytes) {
        send_kept(next_, turn, send);
        under_way_bytes_ += in_flight_[next_++].bytes();
    }
}

void Link::send_kept(std::size_t index, const Turn& turn, const Send& send) {
    Sent& kept = in_flight_[index];
    FrameHeader header;
    header.cluster = options_.cluster;
    header.collector = options_.collector;
    header.boot = options_.boot;
    header.number = base_ + index;
    header.base = base_;
    if (kept.routing) {
        header.map_version = kept.routing->rank.version;
        header.list_hash = kept.routing->rank.hash;
    }
    header.epoch = turn.epoch;
    header.sent = told(turn.now);
    header.watermark = told(kept.watermark);
    header.echo = std::exchange(echo_, std::nullopt);
    header.dropped = bug(Bug::drops_untold) ? 0 : counters_["dropped"] + losses_;
    header.goodbye = kept.goodbye;
    // Who goes by the same list knows it.
    const bool known = !kept.routing || tracker_list_ == kept.routing->rank;
    send(encode_frame(header, kept.rows, leases_due(turn.now), sightings_due(turn.sightings),
                      known ? std::string_view{} : kept.routing->ids));
    ++counters_["frames_sent"];
    if (header.number <= sent_max_) {
        ++counters_["frames_resent"];
    } else {
        sent_max_ = header.number;
        kept.sent_at = turn.now;
        counters_["rows_sent"] += kept.row_count;
    }
}

std::string Link::leases_due(Instant now) {
    std::string leases;
    if (now < leases_at_) return leases;
    options_.edges->append_leases(std::max(leases_since_, now - Edges::kForget), leases);
    leases_at_ = now + kLeaseInterval;
    leases_since_ = now;
    return leases;
}

std::string_view Link::sightings_due(const Sightings* sightings) {
    if (sightings == nullptr) return {};
    const auto number = sightings->number();
    if (std::exchange(sightings_told_, number) == number) return {};
    return sightings->bytes();
}

bool Link::on_ack(const Ack& ack, Instant received) {
    if (ack.cluster != options_.cluster || ack.tracker != options_.tracker ||
        ack.collector_boot != options_.boot || ack.tracker_boot == 0)
        return false;
    astray_ = ack.applied > sent_max_;
    if (astray_) return false;
    echo_ = FrameHeader::Echo{
        .tracker_boot = ack.tracker_boot, .acked_us = ack.sent_us, .received = told(received)};
    if (std::exchange(tracker_boot_, ack.tracker_boot) != ack.tracker_boot) {
        tracker_moved_ = 0;
        queueing_delay_.reset();
    }
    tracker_list_ = ack.list();
    note_told(ack.sent_us, received);
    other_ = ack.other;
    if (ack.moved > tracker_moved_)
        counters_["moved"] += ack.moved - std::exchange(tracker_moved_, ack.moved);
    if (ack.applied >= base_) {
        forget_applied(ack.applied);
        quiet_since_ = received;
        progress_at_ = received;
        probing_ = false;
    }
    if (ack.gap && !in_flight_.empty() &&
        (base_ != rewound_base_ || received - rewound_at_ >= kGapPause)) {
        rewind();
        rewound_base_ = base_;
        rewound_at_ = received;
        probing_ = false;
    }
    return true;
}

// What waited for the tracker's disk, or in a connection that stood still, tells of then.
void Link::note_told(std::int64_t sent_us, Instant received) {
    const auto late = queueing_delay_.late_by(received, Duration{micros(received) - sent_us});
    ack_told_at_.reset();
    if (received - queueing_delay_.since() >= kSettle) dated(received - late);
}

void Link::dated(Instant told) {
    told_at_ = std::max(told_at_, told);
    ack_told_at_ = std::max(ack_told_at_.value_or(told), told);
}

void Link::forget_applied(std::uint64_t applied) {
    for (; base_ <= applied; ++base_) {
        PRESENCE_CHECK(!in_flight_.empty(), "what was sent is kept until it is acknowledged");
        dated(in_flight_.front().sent_at);
        const std::size_t bytes = in_flight_.front().bytes();
        kept_bytes_ -= bytes;
        if (next_ > 0) {
            --next_;
            under_way_bytes_ -= bytes;
        }
        in_flight_.pop_front();
    }
}

// What was under way may be lost, and leases with it.
void Link::rewind() {
    leases_at_ = leases_since_ = {};
    next_ = 0;
    under_way_bytes_ = 0;
}

bool Link::all_acknowledged() const {
    return in_flight_.empty() && rows_.empty() && backlog_.empty() && leaving_ == left_;
}

void Link::release(const std::function<void(const Row&, PeerInstant)>& fn) {
    in_flight_.push_back({rows_.take(), 0, {}, false, {}, {}});
    for (const auto& kept : in_flight_) {
        RowReader rows(kept.rows);
        while (rows.next())
            fn(rows.row(), rows.read());
        PRESENCE_CHECK(rows.all_read(), "we encoded these rows");
    }
    while (!backlog_.empty())
        backlog_.take(fn);
}

}  // namespace presence::collector
