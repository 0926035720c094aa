#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/follow/counters.hpp"
#include "common/follow/follower.hpp"
#include "common/follow/messages.hpp"
#include "common/time.hpp"
#include "common/wire/event.hpp"
#include "notifier/counters.hpp"
#include "notifier/deliver/currency.hpp"
#include "notifier/deliver/held.hpp"
#include "notifier/deliver/refill.hpp"
#include "notifier/deliver/retries.hpp"
#include "notifier/deliver/selection.hpp"
#include "notifier/deliver/sink_state.hpp"
#include "notifier/deliver/wanted.hpp"
#include "notifier/sinks/mark.hpp"

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
        Retries::Options retries{};
        Selection selection{};
        Duration delay{};  // how long a user is offline before it is told
        // Beside who is online the place holds what happened: a refill leaves a gap in that.
        bool log_beside = false;
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
        std::uint64_t number = 0;  // of the chunk, as in marks
    };
    // What to do next, or nothing while it is being done, a backoff runs, or nothing waits.
    [[nodiscard]] std::optional<Job> next(Instant now);
    // The job last handed out was done.
    void on_delivered();
    // It was, in part or not at all: what comes of that is said in Retries.
    void on_report(Instant now, const Report& report);
    void on_failed(Instant now, Failure failure = {}) { on_report(now, {{}, std::move(failure)}); }

    // All whose dead letters are to be replayed, as of now. What they are is told with the next
    // portion, once the follower is in step; until then no state is surely the current one.
    void want(Wanted wanted) { wanted_ = std::move(wanted); }
    [[nodiscard]] const Wanted& wanted() const { return wanted_; }

    // The place lost what it took: it is told how everyone is. `tell`: it was told something
    // before.
    void refill(std::uint64_t number, bool tell);
    [[nodiscard]] const Refill& refilling() const { return refill_; }
    // From where the place is to be asked who is online there, and what it says.
    [[nodiscard]] std::optional<std::string> wants_page() const;
    void on_page(const std::vector<std::string>& online, std::string cursor) {
        refill_.on_page(online, std::move(cursor), follower_);
    }
    // What the sink took.
    [[nodiscard]] Mark mark() const { return {facts_.sink, facts_.chunks, true}; }
    // How far what it took can be trusted to be current.
    [[nodiscard]] const Currency& currency() const { return currency_; }

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
    // The place has what the follower has: nothing waits, nothing is unknown.
    [[nodiscard]] bool all_told() const {
        return idle() && changes_.empty() && follower_.in_step() && !refill_.under_way();
    }
    [[nodiscard]] const Retries& retries() const { return retries_; }
    // Something came of each tracker, though it may wait for the sink.
    [[nodiscard]] bool heard_all() const { return currency_.heard_all(); }

private:
    void let_go(const TrackerMessage& heard);
    void take_in(const TrackerMessage& heard, Instant now, WallOffset wall);
    void merge();
    [[nodiscard]] bool free() const;
    [[nodiscard]] bool portion_is_due(Instant now) const;
    void begin_items();
    void begin_portion(std::int64_t now_ms);
    void add_wanted(std::int64_t now_ms);
    [[nodiscard]] bool refill_is_due() const { return refill_.has_next() && follower_.in_step(); }
    void add_shards(Keep& keep);
    [[nodiscard]] std::string shard(std::uint32_t which) const;
    [[nodiscard]] bool place_is_news(std::size_t tracker) const;

    Options options_;
    std::vector<std::string> trackers_;
    Held held_;
    Follower follower_;
    Retries retries_;

    Currency currency_;
    std::deque<TrackerMessagePtr> inbox_;
    std::size_t inbox_weight_ = 0;
    std::size_t inbox_events_ = 0;
    std::map<std::size_t, Tick> let_go_;  // by tracker: the last batch that is not in the inbox
    std::vector<Change> changes_;         // of the next portion
    Instant changed_at_{};
    std::vector<Change> portion_;        // what the sink is told
    std::vector<std::size_t> items_;     // of it, those that are told and not yet when it began
    std::optional<Retries::Step> step_;  // handed out
    Instant given_at_{};
    Wanted wanted_;
    Refill refill_;
    bool gap_due_ = false;  // in what happened beside, as it was lost

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
