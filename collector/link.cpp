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
    // What was under way may be lost, and leases with it.
    if (window_.watch(turn.now)) gossip_.leases_at = gossip_.leases_since = {};
    send_due(turn, send);
    if (turn.now < next_wakeup()) return;
    flush(turn.now);
    send_due(turn, send);
}

void Link::cut(Instant now, bool goodbye) {
    rows_.close_group(told(now));
    const std::uint64_t row_count = rows_.rows();
    window_.push({rows_.take(), row_count, watermark_, goodbye, options_.routing});
    if (window_.bytes() >= options_.resend_bytes_max) diverted_ = true;
}

void Link::flush(Instant now) {
    flush_at_ = now + options_.flush_interval;
    // Behind frames that wait themselves, a small one would only cost.
    if (leaving_ == Leaving::said ||
        (!window_.all_under_way() && rows_.bytes() < kFrameBytesTarget))
        return;
    if (leaving_ == Leaving::asked && !diverted_) leaving_ = Leaving::said;
    cut(now, leaving_ == Leaving::said);
}

void Link::drain_backlog(Instant now) {
    PeerInstant open{};
    for (std::size_t n = 0; n < kBacklogRowsPerTurn && !backlog_.empty(); ++n) {
        if (window_.bytes() + rows_.bytes() >= options_.resend_bytes_max) break;
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
    diverted_ = !backlog_.empty() || window_.bytes() >= options_.resend_bytes_max;
}

void Link::send_due(const Turn& turn, const Send& send) {
    while (const auto due = window_.take_due())
        send_frame(*due, turn, send);
}

void Link::send_frame(const Window::Due& due, const Turn& turn, const Send& send) {
    const auto& routing = due.frame.routing;
    FrameHeader header;
    header.cluster = options_.cluster;
    header.collector = options_.collector;
    header.boot = options_.boot;
    header.number = due.number;
    header.base = window_.base();
    if (routing) {
        header.map_version = routing->rank.version;
        header.list_hash = routing->rank.hash;
    }
    header.epoch = turn.epoch;
    header.sent = told(turn.now);
    header.watermark = told(due.frame.watermark);
    header.echo = std::exchange(echo_, std::nullopt);
    header.dropped = bug(Bug::drops_untold) ? 0 : counters_["dropped"] + losses_;
    header.goodbye = due.frame.goodbye;
    header.misses_tracker = turn.misses_tracker;
    // Who goes by the same list knows it.
    const bool known = !routing || heard_.list == routing->rank;
    send(encode_frame(header, due.frame.rows, leases_due(turn.now), sightings_due(turn.sightings),
                      known ? std::string_view{} : routing->ids));
    ++counters_["frames_sent"];
    if (due.again)
        ++counters_["frames_resent"];
    else
        counters_["rows_sent"] += due.frame.row_count;
}

std::string Link::leases_due(Instant now) {
    std::string leases;
    if (now < gossip_.leases_at) return leases;
    options_.edges->append_leases(std::max(gossip_.leases_since, now - Edges::kForget), leases);
    gossip_.leases_at = now + kLeaseInterval;
    gossip_.leases_since = now;
    return leases;
}

std::string_view Link::sightings_due(const Sightings* sightings) {
    if (sightings == nullptr) return {};
    const auto number = sightings->number();
    if (std::exchange(gossip_.sightings_told, number) == number) return {};
    return sightings->bytes();
}

bool Link::on_ack(const Ack& ack, Instant received) {
    if (ack.cluster != options_.cluster || ack.tracker != options_.tracker ||
        ack.collector_boot != options_.boot || ack.tracker_boot == 0)
        return false;
    astray_ = ack.applied > window_.sent_max();
    if (astray_) return false;
    echo_ = FrameHeader::Echo{
        .tracker_boot = ack.tracker_boot, .acked_us = ack.sent_us, .received = told(received)};
    if (std::exchange(heard_.boot, ack.tracker_boot) != ack.tracker_boot) heard_.moved = 0;
    heard_.list = ack.list();
    const Instant heard{Duration{ack.heard_us}};
    if (ack.heard_us != 0 && heard <= received)
        heard_.at = heard_.at ? std::max(*heard_.at, heard) : heard;
    heard_.other = ack.other;
    if (ack.moved > heard_.moved)
        counters_["moved"] += ack.moved - std::exchange(heard_.moved, ack.moved);
    if (window_.acknowledge(ack.applied, received)) heard_.progress_at = received;
    if (ack.gap && window_.on_gap(received)) gossip_.leases_at = gossip_.leases_since = {};
    return true;
}

bool Link::all_acknowledged() const {
    return window_.empty() && rows_.empty() && backlog_.empty() && leaving_ != Leaving::asked;
}

void Link::release(const std::function<void(const Row&, PeerInstant)>& fn) {
    window_.push({rows_.take(), 0, {}, false, {}});
    for (const auto& frame : window_.frames()) {
        RowReader rows(frame.rows);
        while (rows.next())
            fn(rows.row(), rows.read());
        PRESENCE_CHECK(rows.all_read(), "we encoded these rows");
    }
    while (!backlog_.empty())
        backlog_.take(fn);
}

}  // namespace presence::collector
