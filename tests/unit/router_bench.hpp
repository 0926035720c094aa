#pragma once

#include <map>
#include <string>
#include <vector>

#include "collector/router.hpp"
#include "common/limits.hpp"

// A router on a test bench: turns at times the test sets, and trackers' answers made by hand.
namespace presence::collector {

// A frame that owns what it tells.
struct SentRow {
    std::string user, session, edge;
    std::optional<std::string> status;
    std::uint32_t ttl_ms = 0;
    std::uint32_t age_ms = 0;
    bool bye = false;
    std::int64_t read_us = 0;
};
struct SentFrame {
    std::size_t tracker = 0;
    FrameHeader header;
    std::vector<SentRow> rows;
    std::map<std::string, std::int64_t> leases;     // edge to read time, us
    std::map<std::string, std::int64_t> sightings;  // of collectors, us
    std::string list;                               // as encode_list() writes it
};

class Bench {
public:
    explicit Bench(RouterOptions options = {}, std::vector<std::string> trackers = {"t1"})
        : options_(std::move(options)),
          router(options_, SlotMap::rendezvous(1, std::move(trackers))) {}

    // One turn of a millisecond, which reads `messages` and gives back what it sent.
    std::vector<SentFrame> turn(const std::vector<std::string>& messages = {},
                                bool drained = true) {
        router.begin_turn(now);
        now += 500us;
        for (const auto& message : messages)
            router.on_message(message, now);
        now += 500us;
        out_.clear();
        router.end_turn(now, drained, out_);
        return decoded(out_);
    }

    // Turns each millisecond for that long; what they sent, the last messages first read.
    std::vector<SentFrame> turns(Duration time, bool drained = true) {
        std::vector<SentFrame> frames;
        for (const Instant end = now + time; now < end;)
            for (auto& frame : turn({}, drained))
                frames.push_back(std::move(frame));
        return frames;
    }

    std::vector<SentFrame> goodbye() {
        out_.clear();
        router.goodbye(now, out_);
        return decoded(out_);
    }

    // By a tracker that has just heard what we sent now.
    [[nodiscard]] Ack ack(std::uint64_t applied, bool gap = false) const {
        Ack ack;
        ack.cluster = options_.cluster;
        ack.tracker = "t1";
        ack.tracker_boot = 1;
        ack.collector_boot = options_.boot;
        ack.applied = applied;
        ack.gap = gap;
        ack.sent_us = 77;
        ack.heard_us = micros(now);
        return ack;
    }
    void tell(const Ack& ack, std::size_t tracker = 0) {
        router.on_ack(tracker, encode_ack(ack), now);
    }

    static std::vector<SentFrame> decoded(const std::vector<Outgoing>& out) {
        std::vector<SentFrame> frames;
        for (const auto& outgoing : out) {
            Frame frame;
            if (decode_frame(*outgoing.frame, frame) != FrameFault::none)
                throw std::runtime_error("the router sent what is no frame");
            auto& sent = frames.emplace_back();
            sent.tracker = outgoing.tracker;
            sent.header = frame.header;
            sent.list = frame.list;
            for (RowReader rows(frame.row_groups); rows.next();)
                sent.rows.push_back(owned(rows.row(), rows.read()));
            for (const auto& lease : frame.leases)
                sent.leases[std::string(lease.edge)] = micros(lease.read);
            for (const auto& [collector, seen] : frame.sightings)
                sent.sightings[collector] = micros(seen);
        }
        return frames;
    }

private:
    static SentRow owned(const Row& row, PeerInstant read) {
        SentRow sent;
        sent.user = row.user;
        sent.session = row.session;
        sent.edge = row.edge;
        if (row.status) sent.status = std::string(*row.status);
        sent.ttl_ms = row.ttl_ms;
        sent.age_ms = row.age_ms;
        sent.bye = row.bye;
        sent.read_us = micros(read);
        return sent;
    }

    RouterOptions options_;
    std::vector<Outgoing> out_;

public:
    Router router;
    Instant now{1'000s};
};

inline std::vector<std::string> users_of(const std::vector<SentFrame>& frames) {
    std::vector<std::string> users;
    for (const auto& frame : frames)
        for (const auto& row : frame.rows)
            users.push_back(row.user);
    return users;
}

inline std::string beat(std::string_view user) {
    return encode_heartbeats({}, {{.user = user}});
}
inline std::string bye(std::string_view user, std::string_view session = {}) {
    return encode_heartbeats({}, {{.user = user, .session = session, .bye = true}});
}

}  // namespace presence::collector
