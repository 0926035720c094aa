#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/backoff.hpp"
#include "common/follow/counters.hpp"
#include "common/follow/follower.hpp"
#include "common/follow/messages.hpp"
#include "common/time.hpp"
#include "common/wire/event.hpp"
#include "notifier/counters.hpp"
#include "notifier/deliver/sink_state.hpp"
#include "notifier/deliver/wanted.hpp"

namespace presence::notifier {

// One sink's way through the trackers' batches: its own follower with cursor and ledger, so that
// none waits for another.
//
// The journals of the trackers are the queue. While the sink has something to take, what comes
// waits, at most queue_max events of it; beyond, it is let go, and replayed once the sink is free.
// What the follower makes of it is told as one portion, in chunks, each until it is confirmed. A
// portion is kept together with the cursors and what changes of the ledger before its first chunk
// is tried, so that after a restart the same is told again and nothing is left out.
//
// Pure.
class Delivery {
public:
    enum class Mode { every, latest };
    struct Options {
        // latest: of the changes of a user that wait, only the newest is told.
        Mode mode = Mode::every;
        std::size_t queue_max = 100'000;
        std::size_t chunk_max = 5'000;   // events handed out at once
        Duration backoff_first = 100ms;  // after a failure; see Backoff
        Duration backoff_max = 10s;
        // Failures in a row after which a chunk is given up; 0: never.
        std::uint64_t attempts_max = 0;
    };
    Delivery(Options options, FollowerOptions follower, SlotMap map, std::uint64_t seed);

    // As it was kept: the shards, then the rows after the first of them, then the facts. Requires:
    // before all else. False if the bytes are no such thing.
    bool restore_shard(std::uint32_t shard, std::uint64_t row, std::string_view bytes);
    bool restore_row(std::uint64_t row, std::string_view bytes);
    bool restore_facts(std::string_view bytes);

    void on_heard(TrackerMessagePtr heard);
    // Takes in what came, unless the sink has something to take. Appends the questions to ask.
    void turn(Instant now, WallOffset wall, std::vector<Question>& questions);

    // To be kept in one transaction.
    struct Keep {
        std::uint64_t row = 0;  // one after the other
        std::string changes;
        // What all rows up to this one add up to; no bytes: as before.
        std::vector<std::pair<std::uint32_t, std::optional<std::string>>> shards;
        std::string facts;
    };
    struct Job {
        std::shared_ptr<const Keep> keep;  // before the chunk is told, unless it is kept already
        std::vector<Event> chunk;          // may be empty
        std::string facts;                 // to be kept when it was taken
        // Not 0: tried so often, and given up. The chunk goes to the dead letters instead.
        std::uint64_t attempts = 0;
    };
    // What to do next, or nothing while it is being done, a backoff runs, or nothing waits.
    [[nodiscard]] std::optional<Job> next(Instant now);
    // The job last handed out was done.
    void on_delivered();
    // It was not, or not surely: it is handed out again, the same, after a backoff, and not before
    // `retry_after` is over. It counts against attempts_max if the sink refused it, and did not
    // name when to come again. A chunk that cannot be given up is tried as often again.
    void on_failed(Instant now, Duration retry_after = {}, bool refused = true);

    // All whose dead letters are to be replayed, as of now. What they are is told with the next
    // portion, once the follower is in step; until then no state is surely the current one.
    void want(Wanted wanted) { wanted_ = std::move(wanted); }
    [[nodiscard]] const Wanted& wanted() const { return wanted_; }

    // When turn() or next() has something to do, should nothing else happen.
    [[nodiscard]] Instant next_wakeup() const;

    [[nodiscard]] NotifierCounters counters() const;
    // With what it handed on of it.
    [[nodiscard]] FollowCounters followed() const;
    [[nodiscard]] std::uint64_t waiting() const;  // events, those under way included
    // Something was let go and is not replayed yet.
    [[nodiscard]] bool behind() const { return behind_; }
    // Notices that something is missing for good.
    [[nodiscard]] std::uint64_t gap_told() const { return gap_told_; }
    [[nodiscard]] const Follower& follower() const { return follower_; }
    [[nodiscard]] std::vector<Place> places() const;
    // All that came was told and confirmed.
    [[nodiscard]] bool idle() const { return portion_.empty() && inbox_.empty(); }
    // Something came of each tracker, though it may wait for the sink.
    [[nodiscard]] bool heard_all() const { return heard_.size() == trackers_.size(); }

private:
    void let_go(const TrackerMessage& heard);
    void take_in(const TrackerMessage& heard, Instant now, WallOffset wall);
    void merge();
    [[nodiscard]] bool portion_is_due(Instant now) const;
    void begin_portion(std::int64_t now_ms);
    void add_wanted(std::int64_t now_ms);
    void add_shards(Keep& keep);
    [[nodiscard]] std::string shard(std::uint32_t which) const;
    [[nodiscard]] bool place_is_news(std::size_t tracker) const;

    Options options_;
    std::vector<std::string> trackers_;
    Follower follower_;
    Backoff backoff_;

    std::set<std::size_t> heard_;  // trackers
    std::deque<TrackerMessagePtr> inbox_;
    std::size_t inbox_weight_ = 0;
    std::size_t inbox_events_ = 0;
    std::map<std::size_t, Tick> let_go_;  // by tracker: the last batch that is not in the inbox
    std::vector<Change> changes_;         // of the next portion
    Instant changed_at_{};
    std::vector<Change> portion_;  // what the sink is told
    std::size_t begin_ = 0;        // of the chunk, in the portion
    std::size_t end_ = 0;
    bool outstanding_ = false;
    std::uint64_t attempts_ = 0;  // of the chunk: failures in a row
    bool giving_up_ = false;      // what is outstanding is the chunk's burial
    Instant not_before_{};
    Wanted wanted_;

    Facts facts_;
    std::shared_ptr<const Keep> keep_;
    std::bitset<kShards> dirty_;
    std::array<std::uint64_t, kShards> shard_row_{};
    std::uint32_t next_shard_ = 0;
    NotifierCounters counters_;
    std::uint64_t gap_told_ = 0;
    bool behind_ = false;
};

}  // namespace presence::notifier
