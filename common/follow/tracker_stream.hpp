#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/follow/ahead.hpp"
#include "common/follow/counters.hpp"
#include "common/follow/follower.hpp"
#include "common/follow/ledger.hpp"

namespace presence {

// Follows one tracker. Its batches are taken one by one, in the order of their numbers; a cursor
// tells the last one. Whatever is not the next of the same run shows that something is missing:
// then the journal is asked for what comes after the cursor, and only it leads over from one run to
// the next, since only it knows that the run before ended at the cursor. What comes meanwhile is
// kept and goes on from its rows, so that one replay closes a gap, however long the answer takes.
// Where the journal cannot tell, the cursor is set to what was heard last, each slot is asked for
// and compared, and what comes meanwhile waits until its slot has been.
//
// Pure. Requires: `options` outlives it.
class TrackerStream {
public:
    static constexpr Duration kPause = 1s;  // after a question that was refused

    TrackerStream(const FollowerOptions& options, std::size_t index, std::vector<Slot> slots);

    void on_batch(const Batch& batch, Instant now, HandedOut& out);
    void on_tick(const Tick& tick, Instant now);
    void on_answer(const Answer& answer, Instant now, WallOffset wall, HandedOut& out);
    void end_turn(Instant now, WallOffset wall, HandedOut& out, std::vector<Question>& questions);

    [[nodiscard]] Instant next_wakeup() const { return wakeup_; }
    // Its stream is heard, and nothing is left to ask.
    [[nodiscard]] bool in_step() const {
        return heard_.boot != 0 && !behind_ && !replaying_ && settled();
    }
    [[nodiscard]] bool catching_up() const { return (behind_ || replaying_) && !silent_; }
    [[nodiscard]] Cursor cursor() const { return cursor_; }
    [[nodiscard]] bool settled() const { return uncompared_ == 0 && doubted() == 0; }
    [[nodiscard]] std::vector<Slot> open_slots() const;
    void restore(Cursor cursor, const std::vector<Slot>& open_slots);

    [[nodiscard]] const Ledger* ledger(Slot slot) const;
    [[nodiscard]] Ledger* ledger(Slot slot);
    void each_ledger(const std::function<void(const Ledger&)>& fn) const;

    [[nodiscard]] const FollowCounters& counters() const { return counters_; }

private:
    struct Followed {
        explicit Followed(Slot slot) : ledger(slot) {}
        Ledger ledger;
        bool compared = false;
        bool asked = false;
        // How far back the tracker's evidence for it reached when it was heard last.
        Duration covered{};
        Instant covered_at{};
        // And at `then`, if the tracker has lost none since.
        [[nodiscard]] Duration covers(Instant then) const { return covered + (then - covered_at); }
        std::vector<SlotEvents> waiting;  // what came since the cursor was set
    };
    // A question under way; a snapshot's page after page.
    struct Asked {
        enum class For { rows, slot, evidence } what = For::rows;
        std::uint64_t rid = 0;
        Instant deadline{};
        std::size_t slot = 0;  // index into slots_
        SnapshotAnswer whole;
    };
    // That the tracker's evidence reached back so far once its batches up to `at` were out.
    struct Reach {
        Cursor at;
        Instant heard{};
        Ledger::Evidence evidence;
    };

    [[nodiscard]] std::size_t doubted() const;
    [[nodiscard]] std::optional<std::size_t> least_covered() const;
    [[nodiscard]] bool room() const;

    void hear(Cursor at, Instant now);
    [[nodiscard]] bool taken(Cursor at) const;
    void miss();
    [[nodiscard]] bool next(Cursor at) const;
    void take(const Batch& batch, HandedOut& out);
    void go_on_from_rows(HandedOut& out);
    void begin_resync(Instant now);
    void tell_gap(std::int64_t now_ms, HandedOut& out) const;
    void cannot_replay(Instant now, std::int64_t now_ms, HandedOut& out);

    void on_rows(const ReplayAnswer& answer, Instant now, WallOffset wall, HandedOut& out);
    void on_error(const Asked& asked, const QueryError& error, Instant now, WallOffset wall,
                  HandedOut& out);
    [[nodiscard]] bool belongs(const Asked& asked, const SnapshotAnswer& page) const;
    void on_page(Asked asked, const SnapshotAnswer& page, const Ledger::Evidence& evidence,
                 Instant now, HandedOut& out);
    void compared(Followed& followed, const Ledger::Evidence& evidence, Instant now,
                  HandedOut& out);
    void doubt_again(std::uint32_t uncovered_ms, Instant now);
    void conclude(Instant now, WallOffset wall, HandedOut& out);

    void expire(Instant now);
    void again(const Asked& asked, Instant at);
    void ask_what_is_due(Instant now);
    void ask(Asked asked, Instant now);

    const FollowerOptions* options_;
    std::size_t index_;
    std::vector<Followed> slots_;
    std::vector<std::int16_t> index_of_;  // of each slot in slots_; -1: another tracker's

    Cursor cursor_;  // every batch up to here was taken
    Cursor heard_;   // the last batch that we know there is
    bool behind_ = false;
    bool replaying_ = false;
    Ahead ahead_;
    bool lost_place_ = false;     // some of a slot that is open was told before a restart
    std::uint64_t begun_at_ = 0;  // batch at which the comparison of all slots began
    std::size_t uncompared_;
    std::size_t waiting_ = 0;  // events
    std::optional<Reach> reach_;
    Instant doubt_at_ = Instant::max();  // when evidence may suffice for one of those doubted

    std::vector<Asked> asked_;
    std::vector<Question> questions_;
    std::uint64_t next_rid_;
    std::size_t next_slot_ = 0;
    Instant not_before_{};
    bool silent_ = false;  // the last question was not answered: ask one at a time
    Instant wakeup_ = Instant::max();
    FollowCounters counters_;
};

}  // namespace presence
