#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time.hpp"
#include "common/wire/event.hpp"
#include "common/wire/tracker_list.hpp"
#include "tracker/evidence/failure_detector.hpp"

namespace presence::tracker {

// Which of our slots each collector feeds us: whose rows it routes here, by the list of trackers
// that its frames name.
//
// While a list is rolled out processes go by different ones. Of a slot that we own, and whose rows
// some collector that counts routes elsewhere, the evidence is missing: nobody there may be told
// offline for it, as long as their sessions' bounds allow, which is `max` at least. Once every
// collector feeds the slot again, heartbeats of the time before may never have come here: its
// deadlines are to be lifted.
//
// Pure. Times never go back.
class Feeds {
public:
    Feeds(std::string tracker, const SlotMap& map, Duration max, Instant now);

    void adopt(const SlotMap& map);
    // Of a frame that is applied, in order. `list`: the ids of that list, as encode_list() writes
    // them; empty if the collector thinks that we go by it.
    void on_frame(FailureDetector::RunId run, const ListRank& rank, std::string_view list,
                  Instant now);
    // Once a turn, before deadlines pass. `stopped`: of the time since the last one what is none,
    // as we took no frames ourselves. Returns the slots whose evidence is complete again.
    [[nodiscard]] SlotSet turn(Instant now, Duration stopped,
                               const FailureDetector& failure_detector);

    // Ours that lack evidence: deadlines are to be held.
    [[nodiscard]] const SlotSet& missing() const { return missing_; }
    // Some have for `max`: users are told offline without it.
    [[nodiscard]] bool used_up() const { return missing_.any() && left() <= Duration{0}; }
    [[nodiscard]] Freshness freshness_of(Slot slot) const;
    // Worst of all slots.
    [[nodiscard]] Freshness freshness() const;
    // How long all of them are held from the last turn on.
    [[nodiscard]] Duration left() const;
    // Since when no slot lacks evidence; the start if none ever did.
    [[nodiscard]] Instant complete_since() const { return complete_since_; }

    [[nodiscard]] const ListRank& rank() const { return rank_; }
    // By which list a run of a collector routes; nothing before its first frame.
    [[nodiscard]] std::optional<ListRank> rank_of(FailureDetector::RunId run) const;
    // That is another list than ours.
    [[nodiscard]] bool goes_by_another(FailureDetector::RunId run) const;
    struct Differs {
        std::string collector;
        ListRank rank;
        Instant since{};
        std::size_t missing = 0;  // slots of ours that it does not feed us
    };
    // Collectors that count and go by another list, in the order of ids.
    [[nodiscard]] std::vector<Differs> differing(const FailureDetector& failure_detector) const;

private:
    struct Feed {
        ListRank rank;
        bool known = false;  // `slots` are those of that list
        SlotSet slots;
        Instant since{};
    };
    [[nodiscard]] bool same(const ListRank& rank) const;
    [[nodiscard]] std::optional<SlotSet> slots_of(const ListRank& rank, std::string_view list);
    void remember(const ListRank& rank, const SlotSet& slots);
    void forget_strangers(const FailureDetector& failure_detector);

    static constexpr std::size_t kListsMax = 16;
    static constexpr std::size_t kFeedsMax = 2 * FailureDetector::kCollectorsMax;

    std::string tracker_;
    ListRank rank_;
    SlotSet own_;
    std::deque<std::pair<ListRank, SlotSet>> lists_;               // the newest first
    std::map<std::pair<std::string, std::uint64_t>, Feed> feeds_;  // by collector and boot
    SlotSet lacked_;                                               // since the last turn
    SlotSet missing_;
    std::array<Duration, kSlots> lacked_for_{};  // of each that is missing
    Duration max_;
    Instant turned_;
    Instant complete_since_;
};

}  // namespace presence::tracker
