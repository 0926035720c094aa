#include "notifier/follower_tracker.hpp"

#include <algorithm>
#include <utility>

namespace presence::notifier {

FollowedTracker::FollowedTracker(const FollowerOptions& options, std::size_t index,
                                 std::vector<Slot> slots, Instant now)
    : options_(&options), index_(index), index_of_(kSlots, -1), wanting_(slots.size()) {
    for (const auto slot : slots) {
        index_of_[slot] = static_cast<std::int16_t>(slots_.size());
        slots_.emplace_back(slot).ask_at = now;
    }
    wakeup_ = now;
}

const FollowedSlot* FollowedTracker::slot(Slot slot) const {
    const auto index = index_of_[slot];
    return index < 0 ? nullptr : &slots_[static_cast<std::size_t>(index)].view;
}

void FollowedTracker::each_slot(const std::function<void(const FollowedSlot&)>& fn) const {
    for (const auto& followed : slots_)
        fn(followed.view);
}

void FollowedTracker::want(Followed& followed, Want want, Instant at) {
    if (followed.want == Want::nothing) {
        ++wanting_;
        followed.ask_at = at;
    }
    followed.want = std::max(followed.want, want);
    followed.ask_at = std::min(followed.ask_at, at);
    followed.asked_too_early = followed.asked;
}

void FollowedTracker::satisfied(Followed& followed) {
    if (followed.want != Want::nothing) --wanting_;
    followed.want = Want::nothing;
}

// True if the message belongs to the current run, which it may have begun.
bool FollowedTracker::same_run(std::uint64_t boot, Instant now, FollowedTotals& totals) {
    if (boot == boot_ && boot != 0) {
        heard_ = now;
        return true;
    }
    // Boots rise, unless the machine's wall clock was set back between two runs: then the old one
    // falls silent.
    if (boot > boot_ || (boot != 0 && now - heard_ > kRunSilence)) {
        begin_run(boot, now, totals);
        return true;
    }
    ++totals.stats.out_of_date;
    return false;
}

void FollowedTracker::begin_run(std::uint64_t boot, Instant now, FollowedTotals& totals) {
    heard_ = now;
    if (std::exchange(boot_, boot) == 0) return;
    ++totals.stats.gaps;
    last_.reset();
    lost_to_ = 0;
    for (auto& asked : asked_) {
        slots_[asked.slot].asked = false;
        slots_[asked.slot].view.question_ends(totals);
    }
    asked_.clear();
    questions_.clear();
    silent_ = false;
    for (auto& followed : slots_) {
        followed.missing_to = {};
        followed.complete_to = 0;
        want(followed, Want::comparison, now);
    }
}

void FollowedTracker::lost_up_to(std::uint64_t batch, Instant now, FollowedTotals& totals) {
    // Before the first message of a run nothing is lost, only not yet compared.
    if (last_) ++totals.stats.gaps;
    lost_to_ = batch;
    for (auto& followed : slots_)
        if (followed.complete_to < batch) want(followed, Want::proof, now);
}

void FollowedTracker::on_tick(const Tick& tick, Instant now, FollowedTotals& totals) {
    if (!same_run(tick.boot, now, totals)) return;
    if (tick.last_batch > last_.value_or(0)) lost_up_to(tick.last_batch, now, totals);
    last_ = std::max(last_.value_or(0), tick.last_batch);
}

void FollowedTracker::on_batch(Batch& batch, Instant now, FollowedTotals& totals) {
    if (batch.number == 0) {
        ++totals.stats.refused;
        return;
    }
    if (!same_run(batch.boot, now, totals)) return;
    ++totals.stats.batches;
    if (batch.number - 1 > last_.value_or(0)) lost_up_to(batch.number - 1, now, totals);
    last_ = std::max(last_.value_or(0), batch.number);
    for (auto& run : batch.slots)
        apply(run, batch.number, now, totals);
}

void FollowedTracker::apply(SlotEvents& run, std::uint64_t batch, Instant now,
                            FollowedTotals& totals) {
    if (run.slot >= kSlots || index_of_[run.slot] < 0) {
        ++totals.stats.refused;
        return;
    }
    auto& followed = slots_[static_cast<std::size_t>(index_of_[run.slot])];
    switch (followed.view.apply(run, totals)) {
        case FollowedSlot::Run::gap:
        case FollowedSlot::Run::epoch_rose:
            if (followed.view.compared()) ++totals.stats.gaps;
            followed.missing_to = {run.epoch, run.first_seq - 1};
            want(followed, Want::comparison, now);
            break;
        case FollowedSlot::Run::next:
        case FollowedSlot::Run::known:
            if (batch >= lost_to_ && followed.want == Want::proof) satisfied(followed);
            followed.complete_to = std::max(followed.complete_to, batch);
            break;
        case FollowedSlot::Run::epoch_low:
        case FollowedSlot::Run::refused:
            break;
    }
}

void FollowedTracker::on_answer(Answer& answer, Instant now, FollowedTotals& totals) {
    const auto asked = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& candidate) {
        return answer.rid == candidate.rid && !candidate.complete;
    });
    // Of a question that was given up, or of an earlier run.
    if (asked == asked_.end()) {
        ++totals.stats.out_of_date;
        return;
    }
    silent_ = false;
    const auto index = static_cast<std::size_t>(asked - asked_.begin());
    auto* const page = std::get_if<SnapshotAnswer>(&answer.body);
    if (page == nullptr) {
        // A snapshot of many pages may have been dropped meanwhile: begin anew at once.
        const auto* const error = std::get_if<QueryError>(&answer.body);
        const bool began = !asked->whole.cursor.empty() && error && error->code == "bad_cursor";
        ++totals.stats.errors;
        give_up(index, began ? now : now + kPause, totals);
        return;
    }
    const auto run = boot_;
    if (!same_run(page->boot, now, totals)) return give_up(index, now + kPause, totals);
    if (run != 0 && run != boot_) return;  // a run began: all its questions were given up
    asked->freshness = answer.freshness;
    if (!take_page(*asked, *page, now)) {
        ++totals.stats.refused;
        give_up(index, now + kPause, totals);
    }
}

// False if the page breaks the contract, or belongs to another snapshot than those before it.
bool FollowedTracker::take_page(Asked& asked, SnapshotAnswer& page, Instant now) {
    auto& whole = asked.whole;
    const bool continues = !whole.cursor.empty();
    if (page.slot != slots_[asked.slot].view.slot() || page.epoch == 0 ||
        page.epoch >= kPositionMax || page.seq >= kPositionMax ||
        (!page.cursor.empty() && page.users.empty()) ||
        whole.users.size() + page.users.size() > options_->users_max)
        return false;
    if (continues && (page.epoch != whole.epoch || page.seq != whole.seq ||
                      page.batch != whole.batch || page.boot != whole.boot))
        return false;
    if (continues) {
        std::move(page.users.begin(), page.users.end(), std::back_inserter(whole.users));
        whole.cursor = std::move(page.cursor);
    } else {
        whole = std::move(page);
    }
    if (whole.cursor.empty()) {
        asked.complete = true;
        asked.deadline = now + options_->answer_timeout;
    } else {
        send(asked, now);
    }
    return true;
}

// Ends a question; its slot is asked again at `ask_at`.
void FollowedTracker::give_up(std::size_t index, Instant ask_at, FollowedTotals& totals) {
    auto& followed = slots_[asked_[index].slot];
    followed.asked = false;
    followed.asked_too_early = false;
    followed.ask_at = ask_at;
    followed.view.question_ends(totals);
    asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(index));
}

// Compares a whole snapshot. Returns when to ask the slot again, should it still be wanted.
Instant FollowedTracker::conclude(Asked& asked, Instant now, WallOffset wall,
                                  FollowedTotals& totals) {
    auto& followed = slots_[asked.slot];
    if (followed.view.spoiled()) return now + kPause;
    const auto& whole = asked.whole;
    const Position at{whole.epoch, whole.seq};
    const auto batch = whole.batch;
    const auto compared =
        followed.view.compare(asked.whole, asked.freshness, millis(wall.at(now)), totals);
    if (compared.epoch_low) return now + kPause;
    followed.complete_to = std::max(followed.complete_to, batch);
    if (compared.uncovered_ms > 0) {
        want(followed, Want::comparison, now);
        return now + std::max<Duration>(kPause, std::chrono::milliseconds(compared.uncovered_ms));
    }
    if (!followed.asked_too_early || (at >= followed.missing_to && batch >= lost_to_))
        satisfied(followed);
    return now;
}

void FollowedTracker::conclude_or_expire(Instant now, WallOffset wall, FollowedTotals& totals) {
    for (std::size_t i = asked_.size(); i-- > 0;) {
        auto& asked = asked_[i];
        const bool late = now >= asked.deadline;
        if (asked.complete && (late || !last_ || *last_ >= asked.whole.batch)) {
            give_up(i, conclude(asked, now, wall, totals), totals);
        } else if (!asked.complete && late) {
            ++totals.stats.timeouts;
            silent_ = true;
            give_up(i, now, totals);
        }
    }
}

void FollowedTracker::ask(std::size_t slot, Instant now) {
    auto& followed = slots_[slot];
    followed.asked = true;
    followed.asked_too_early = false;
    followed.view.question_begins();
    asked_.emplace_back().slot = slot;
    send(asked_.back(), now);
}

void FollowedTracker::send(Asked& asked, Instant now) {
    asked.rid = next_rid_++;
    asked.deadline = now + options_->answer_timeout;
    const Query query{SnapshotQuery{slots_[asked.slot].view.slot(), asked.whole.cursor}, asked.rid};
    questions_.push_back({index_, encode_query(query)});
}

void FollowedTracker::end_turn(Instant now, WallOffset wall, FollowedTotals& totals,
                               std::vector<Question>& questions) {
    conclude_or_expire(now, wall, totals);

    const std::size_t asked_max = silent_ ? 1 : options_->questions_max;
    auto next = Instant::max();
    for (std::size_t n = 0; n < slots_.size() && wanting_ > 0; ++n) {
        const auto slot = (next_slot_ + n) % slots_.size();
        const auto& followed = slots_[slot];
        if (followed.want == Want::nothing || followed.asked) continue;
        if (asked_.size() >= asked_max) {
            next_slot_ = slot;  // the first that has to wait comes first
            break;
        }
        if (followed.ask_at <= now)
            ask(slot, now);
        else
            next = std::min(next, followed.ask_at);
    }
    for (const auto& asked : asked_)
        next = std::min(next, asked.deadline);
    wakeup_ = next;

    std::move(questions_.begin(), questions_.end(), std::back_inserter(questions));
    questions_.clear();
}

}  // namespace presence::notifier
