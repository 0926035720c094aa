#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/wire/batch.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/query.hpp"
#include "tracker/tracker.hpp"

namespace presence::tracker {

inline constexpr WallOffset kWall{1'700'000'000s};

inline Instant at(Duration d) {
    return Instant{1'000s + d};
}

inline TrackerOptions options_of(std::vector<std::string> trackers = {"t1"}) {
    TrackerOptions options;
    options.boot = 7;
    options.started_unix_ms = 1'700'000'000'000;
    options.timeout = 10s;
    options.collector_grace = 10s;
    options.collectors_expected = {"c1"};
    for (const auto& id : trackers)
        options.trackers.push_back(
            {id, "", "tcp://events-" + id, "tcp://query-" + id, {}, {}, {}, {}});
    return options;
}

// A tracker and one collector whose clock is ours and whose link takes no time.
struct TrackerWorld {
    explicit TrackerWorld(TrackerOptions o = options_of(),
                          std::vector<std::string> trackers = {"t1"})
        : tracker(std::move(o), SlotMap::rendezvous(1, std::move(trackers)), at(0s)) {
        tracker.begin({}, at(0s), kWall);
    }

    void frame(Instant now, std::vector<Row> rows, Instant read, bool goodbye = false) {
        RowGroups groups;
        for (auto& row : rows) {
            row.hash = hash_of(row.user);
            groups.append(row);
        }
        groups.close_group(PeerInstant{read.time_since_epoch()});
        FrameHeader h;
        h.cluster = "main";
        h.collector = "c1";
        h.boot = 50;
        h.number = ++number;
        h.base = 1;
        h.sent = PeerInstant{now.time_since_epoch()};
        h.watermark = watermark ? PeerInstant{watermark->time_since_epoch()} : h.sent;
        h.echo = FrameHeader::Echo{7, micros(now), h.sent};
        h.goodbye = goodbye;
        h.dropped = dropped;
        tracker.on_frame("peer", encode_frame(h, groups.take(), std::exchange(leases, {})), now,
                         wall);
    }
    void frame(Instant now, std::vector<Row> rows = {}) { frame(now, std::move(rows), now); }

    // With the next frame.
    void lease(std::string_view edge, Instant read) {
        append_lease(leases, {edge, PeerInstant{read.time_since_epoch()}});
    }

    bool turn(Instant now) {
        out.clear();
        return tracker.end_turn(now, wall, out);
    }
    // Ends the turn; the events of its batches.
    std::vector<Event> events(Instant now) {
        turn(now);
        std::vector<Event> all;
        for (const auto& publication : out.publications) {
            if (publication.topic != kTopicBatch) continue;
            const auto batch = decode_batch(publication.bytes);
            REQUIRE(batch);
            for (const auto& slot : batch->slots)
                all.insert(all.end(), slot.events.begin(), slot.events.end());
        }
        return all;
    }
    template <class Body, class Op>
    Body ask(Op op, Instant now) {
        tracker.on_query("asker", encode_query({op, 42}));
        turn(now);
        const auto& answers = std::is_same_v<Op, SnapshotQuery> ? out.snapshots : out.answers;
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].peer == "asker");
        const auto answer = decode_answer(answers[0].bytes);
        REQUIRE(answer);
        CHECK(answer->rid == 42u);
        freshness = answer->freshness;
        stale_by = answer->stale_by;
        REQUIRE(std::holds_alternative<Body>(answer->body));
        return std::get<Body>(answer->body);
    }
    Ack last_ack() {
        REQUIRE_FALSE(out.acks.empty());
        return decode_ack(out.acks.back().bytes).value();
    }

    Tracker tracker;
    Output out;
    std::string leases;
    WallOffset wall = kWall;
    std::uint64_t number = 0;
    std::optional<Instant> watermark;  // of the next frames, if it is behind
    std::uint64_t dropped = 0;         // heartbeats, as the collector tells with each frame
    Freshness freshness{};             // of the last answer
    std::vector<std::string> stale_by{};
};

inline Row beat(std::string_view user, std::uint32_t ttl_ms = 0) {
    Row row;
    row.user = user;
    row.ttl_ms = ttl_ms;
    return row;
}

}  // namespace presence::tracker
