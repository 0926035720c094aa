#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "notifier/follower_slot.hpp"

namespace presence::notifier {

// Follows one tracker: notices what is missing of its stream, and asks for snapshots until each of
// its slots has been compared after the loss.
//
// That a loss concerns a slot shows in one of three ways: its seq jumps, its epoch rises, or a
// batch is missing and the slot might have been in it. The last suspicion is lifted without a
// question when the slot's next events follow on without a jump.
//
// Pure. Requires: `options` outlives it.
class FollowedTracker {
public:
    static constexpr Duration kPause = 1s;  // before a refused question is asked again
    // A run that has ticked more recently than this is not succeeded by one with a lower boot.
    static constexpr Duration kRunSilence = 5s;

    FollowedTracker(const FollowerOptions& options, std::size_t index, std::vector<Slot> slots,
                    Instant now);

    void on_batch(Batch& batch, Instant now, FollowedTotals& totals);
    void on_tick(const Tick& tick, Instant now, FollowedTotals& totals);
    void on_answer(Answer& answer, Instant now, FollowedTotals& totals);
    void end_turn(Instant now, WallOffset wall, FollowedTotals& totals,
                  std::vector<Question>& questions);

    [[nodiscard]] Instant next_wakeup() const { return wakeup_; }
    // Its stream is heard, so that nothing is missed from now on, and nothing is left to ask.
    [[nodiscard]] bool in_step() const { return wanting_ == 0 && last_.has_value(); }
    [[nodiscard]] const FollowedSlot* slot(Slot slot) const;
    void each_slot(const std::function<void(const FollowedSlot&)>& fn) const;

private:
    enum class Want : std::uint8_t {
        nothing,
        proof,      // a batch was lost that may have held events of the slot
        comparison  // events of the slot are missing, or users whose absence is not proved
    };
    struct Followed {
        explicit Followed(Slot slot) : view(slot) {}
        FollowedSlot view;
        Want want = Want::comparison;
        bool asked = false;             // a question is under way
        bool asked_too_early = false;   // before the loss that makes it wanted
        Position missing_to;            // a snapshot from here on has the lost events
        std::uint64_t complete_to = 0;  // batch up to which nothing of the slot is missing
        Instant ask_at{};
    };
    // One snapshot under way, page after page.
    struct Asked {
        std::uint64_t rid = 0;
        std::size_t slot = 0;  // index into slots_
        Instant deadline{};
        SnapshotAnswer whole;
        bool complete = false;
        Freshness freshness = Freshness::live;
    };

    bool same_run(std::uint64_t boot, Instant now, FollowedTotals& totals);
    void begin_run(std::uint64_t boot, Instant now, FollowedTotals& totals);
    void lost_up_to(std::uint64_t batch, Instant now, FollowedTotals& totals);
    void apply(SlotEvents& run, std::uint64_t batch, Instant now, FollowedTotals& totals);
    void want(Followed& followed, Want want, Instant at);
    void satisfied(Followed& followed);

    bool take_page(Asked& asked, SnapshotAnswer& page, Instant now);
    void give_up(std::size_t index, Instant ask_at, FollowedTotals& totals);
    Instant conclude(Asked& asked, Instant now, WallOffset wall, FollowedTotals& totals);
    void conclude_or_expire(Instant now, WallOffset wall, FollowedTotals& totals);
    void ask(std::size_t slot, Instant now);
    void send(Asked& asked, Instant now);

    const FollowerOptions* options_;
    std::size_t index_;
    std::vector<Followed> slots_;
    std::vector<std::int16_t> index_of_;  // of each slot in slots_; -1: another tracker's

    std::uint64_t boot_ = 0;
    Instant heard_{};
    std::optional<std::uint64_t> last_;  // batch up to which all have come or are known to be lost
    std::uint64_t lost_to_ = 0;          // the highest batch known to be lost

    std::vector<Asked> asked_;
    std::vector<Question> questions_;
    std::uint64_t next_rid_ = 1;
    std::size_t next_slot_ = 0;
    std::size_t wanting_ = 0;
    bool silent_ = false;  // the last question was not answered: ask one at a time
    Instant wakeup_{};
};

}  // namespace presence::notifier
