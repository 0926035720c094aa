#include "common/follow/tracker_stream.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/bugs.hpp"

namespace presence {

namespace {
constexpr std::uint64_t kCoversMaxMs = 1'000'000'000'000;  // beyond any run, and any ttl

// Of VERSION/HASH: lists of one hash have the same owners.
std::string_view hash_in(std::string_view list) {
    return list.substr(list.find('/') + 1);
}
}  // namespace

TrackerStream::TrackerStream(const FollowerOptions& options, std::size_t index,
                             std::vector<Slot> slots)
    : options_(&options),
      index_(index),
      index_of_(kSlots, -1),
      ahead_(options.waiting_max),
      uncompared_(slots.size()),
      next_rid_(options.first_rid) {
    for (const auto slot : slots) {
        index_of_[slot] = static_cast<std::int16_t>(slots_.size());
        slots_.emplace_back(slot);
    }
}

void TrackerStream::restore(Cursor cursor, const std::vector<Slot>& open_slots) {
    cursor_ = cursor;
    begun_at_ = cursor.batch;
    for (auto& followed : slots_)
        followed.compared = cursor.boot != 0;
    for (const auto slot : open_slots)
        if (index_of_[slot] >= 0)
            slots_[static_cast<std::size_t>(index_of_[slot])].compared = false;
    uncompared_ = 0;
    for (const auto& followed : slots_) {
        if (followed.compared) continue;
        ++uncompared_;
        lost_place_ = lost_place_ || followed.ledger.position().epoch != 0;
    }
}

std::vector<Slot> TrackerStream::open_slots() const {
    std::vector<Slot> open;
    for (const auto& followed : slots_)
        if (!followed.compared || followed.ledger.doubted() > 0)
            open.push_back(followed.ledger.slot());
    return open;
}

const Ledger* TrackerStream::ledger(Slot slot) const {
    const auto index = index_of_[slot];
    return index < 0 ? nullptr : &slots_[static_cast<std::size_t>(index)].ledger;
}

Ledger* TrackerStream::ledger(Slot slot) {
    return const_cast<Ledger*>(std::as_const(*this).ledger(slot));
}

void TrackerStream::each_ledger(const std::function<void(const Ledger&)>& fn) const {
    for (const auto& followed : slots_)
        fn(followed.ledger);
}

std::size_t TrackerStream::doubted() const {
    std::size_t sum = 0;
    for (const auto& followed : slots_)
        sum += followed.ledger.doubted();
    return sum;
}

// Of the slots with users in doubt: one where the evidence reaches back least, so that it holds for
// all. A slot that was taken over from another tracker has less than the others.
std::optional<std::size_t> TrackerStream::least_covered() const {
    const Followed* least = nullptr;
    for (const auto& followed : slots_) {
        if (!followed.compared || followed.ledger.doubted() == 0) continue;
        if (least == nullptr ||
            followed.covered_at - followed.covered > least->covered_at - least->covered)
            least = &followed;
    }
    if (least == nullptr) return std::nullopt;
    return static_cast<std::size_t>(least - slots_.data());
}

bool TrackerStream::room() const {
    return uncompared_ == 0 || waiting_ < options_->waiting_max;
}

void TrackerStream::hear(Cursor at, Instant now) {
    if (at.boot != heard_.boot || at.batch > heard_.batch) heard_ = at;
    if (cursor_.boot == 0) begin_resync(now);
}

bool TrackerStream::taken(Cursor at) const {
    return at.boot == cursor_.boot && at.batch <= cursor_.batch;
}

bool TrackerStream::next(Cursor at) const {
    return at.boot == cursor_.boot && at.batch == cursor_.batch + 1;
}

void TrackerStream::miss() {
    if (!behind_ && !replaying_) ++counters_["gaps"];
    behind_ = true;
}

void TrackerStream::on_tick(const Tick& tick, Instant now) {
    const Cursor at{tick.boot, tick.last_batch};
    if (at.boot == 0) {
        ++counters_["refused"];
        return;
    }
    hear(at, now);
    if (!taken(at) && !ahead_.ends_at(at) && !bug(Bug::gap_ignored)) miss();
}

void TrackerStream::on_batch(const Batch& batch, Instant now, HandedOut& out) {
    const auto at = cursor_of(batch);
    if (at.boot == 0 || at.batch == 0) {
        ++counters_["refused"];
        return;
    }
    hear(at, now);
    if (taken(at))
        ++counters_["duplicates"];
    else if (bug(Bug::old_run_accepted) && at.boot < cursor_.boot)
        take(batch, out);
    else if (bug(Bug::gap_ignored) && at.boot == cursor_.boot && !replaying_ && room())
        take(batch, out);
    else if (next(at) && !replaying_ && room())
        take(batch, out);
    else if (!replaying_ || !ahead_.keep(batch))
        miss();
}

void TrackerStream::take(const Batch& batch, HandedOut& out) {
    cursor_ = cursor_of(batch);
    ++counters_["batches"];
    for (const auto& run : batch.slots) {
        if (index_of_[run.slot] < 0) {
            ++counters_["refused"];
            continue;
        }
        auto& followed = slots_[static_cast<std::size_t>(index_of_[run.slot])];
        if (followed.compared) {
            followed.ledger.apply(run, out);
        } else {
            waiting_ += run.events.size();
            followed.waiting.push_back(run);
        }
    }
}

void TrackerStream::begin_resync(Instant now) {
    ++counters_["resyncs"];
    cursor_ = heard_;
    begun_at_ = heard_.batch;
    behind_ = false;
    replaying_ = false;
    ahead_.clear();
    asked_.clear();
    questions_.clear();
    reach_.reset();
    doubt_at_ = Instant::max();
    not_before_ = now;
    uncompared_ = slots_.size();
    waiting_ = 0;
    for (auto& followed : slots_) {
        followed.compared = false;
        followed.asked = false;
        followed.waiting.clear();
    }
}

void TrackerStream::tell_gap(std::int64_t now_ms, HandedOut& out) const {
    out.changes.push_back(gap_notice(options_->trackers[index_], now_ms));
}

// Changes were missed that nobody can tell any more; none of a slot that was not compared yet.
void TrackerStream::cannot_replay(Instant now, std::int64_t now_ms, HandedOut& out) {
    if (uncompared_ < slots_.size()) tell_gap(now_ms, out);
    begin_resync(now);
}

void TrackerStream::on_answer(const Answer& answer, Instant now, WallOffset wall, HandedOut& out) {
    const auto found = std::find_if(asked_.begin(), asked_.end(),
                                    [&](const Asked& asked) { return asked.rid == answer.rid; });
    if (found == asked_.end()) {  // of a question that was given up
        ++counters_["out_of_date"];
        return;
    }
    auto asked = std::move(*found);
    asked_.erase(found);
    silent_ = false;
    if (asked.what == Asked::For::rows) replaying_ = false;
    if (asked.what == Asked::For::slot) slots_[asked.slot].asked = false;

    if (const auto* const error = std::get_if<QueryError>(&answer.body)) {
        on_error(asked, *error, now, wall, out);
    } else if (const auto* const rows = std::get_if<ReplayAnswer>(&answer.body);
               rows != nullptr && asked.what == Asked::For::rows) {
        on_rows(*rows, now, wall, out);
    } else if (const auto* const page = std::get_if<SnapshotAnswer>(&answer.body);
               page != nullptr && belongs(asked, *page)) {
        slots_[asked.slot].covered =
            std::chrono::milliseconds{std::min<std::uint64_t>(page->covers_ms, kCoversMaxMs)};
        slots_[asked.slot].covered_at = now;
        const Ledger::Evidence evidence{page->covers_ms, answer.freshness, millis(wall.at(now))};
        on_page(std::move(asked), *page, evidence, now, out);
    } else {
        ++counters_["refused"];
        again(asked, now + kPause);
    }
}

// The question is asked once more, not before `at`.
void TrackerStream::again(const Asked& asked, Instant at) {
    not_before_ = at;
    if (asked.what == Asked::For::rows) behind_ = true;
    if (asked.what == Asked::For::evidence) doubt_at_ = at;
}

void TrackerStream::on_error(const Asked& asked, const QueryError& error, Instant now,
                             WallOffset wall, HandedOut& out) {
    const bool no_history =
        error.code == "too_old" || error.code == "diverged" || error.code == "unknown_op";
    if (asked.what == Asked::For::rows && no_history) {
        counters_["diverged"] += error.code == "diverged" ? 1 : 0;
        return cannot_replay(now, millis(wall.at(now)), out);
    }
    ++counters_["errors"];
    // A snapshot of many pages may have been dropped meanwhile: begin anew at once.
    const bool began = !asked.whole.cursor.empty() && error.code == "bad_cursor";
    again(asked, began ? now : now + kPause);
}

void TrackerStream::on_rows(const ReplayAnswer& answer, Instant now, WallOffset wall,
                            HandedOut& out) {
    for (const auto& row : answer.rows) {
        auto batch = decode_batch(row);
        if (!batch || batch->tracker != options_->trackers[index_] || batch->boot == 0 ||
            batch->number != cursor_.batch + 1) {
            ++counters_["refused"];
            return cannot_replay(now, millis(wall.at(now)), out);
        }
        if (!room()) break;
        take(*batch, out);
        ++counters_["replayed"];
    }
    const bool all = answer.rows.empty() || cursor_.batch >= answer.batch;
    if (!all) behind_ = true;
    go_on_from_rows(out);
    // What does not go on from all rows there were has a gap before it, or was never said.
    if (all) ahead_.clear();
    if (!behind_) heard_ = cursor_;
}

void TrackerStream::go_on_from_rows(HandedOut& out) {
    while (const auto* const batch = ahead_.first()) {
        const auto at = cursor_of(*batch);
        if (next(at) && room()) {
            take(*batch, out);
        } else if (!taken(at)) {
            behind_ = true;
            return;
        }
        ahead_.drop_first();
    }
}

// False if the page breaks the contract, or belongs to another snapshot than those before it.
bool TrackerStream::belongs(const Asked& asked, const SnapshotAnswer& page) const {
    const auto& whole = asked.whole;
    if (asked.what == Asked::For::rows || page.slot != slots_[asked.slot].ledger.slot() ||
        page.epoch == 0 || page.seq >= kPositionMax ||
        (!page.cursor.empty() && page.users.empty()) ||
        whole.users.size() + page.users.size() > options_->users_max)
        return false;
    return whole.cursor.empty() || (page.epoch == whole.epoch && page.seq == whole.seq &&
                                    page.batch == whole.batch && page.boot == whole.boot);
}

void TrackerStream::on_page(Asked asked, const SnapshotAnswer& page,
                            const Ledger::Evidence& evidence, Instant now, HandedOut& out) {
    if (asked.what == Asked::For::evidence) {
        // It is taken for other slots, too. By another list some of them may be another tracker's.
        if (page.list && hash_in(*page.list) != hash_in(options_->list)) {
            doubt_at_ = now + kPause;
            return;
        }
        reach_ = Reach{{page.boot, page.batch}, now, evidence};
        doubt_at_ = now + kPause;
        return;
    }
    // Of another run than the stream that is to go on from it: one of them is out of date.
    if (page.boot != cursor_.boot || page.batch < begun_at_) {
        ++counters_["out_of_date"];
        // Without room the stream would not get there.
        if (page.boot == heard_.boot && !room()) return cannot_replay(now, evidence.now_ms, out);
        return again(asked, now + kPause);
    }
    auto& whole = asked.whole;
    if (whole.cursor.empty()) {
        whole = page;
    } else {
        whole.users.insert(whole.users.end(), page.users.begin(), page.users.end());
        whole.cursor = page.cursor;
    }
    if (!whole.cursor.empty()) return ask(std::move(asked), now);
    if (!slots_[asked.slot].ledger.compare(whole, evidence, out)) return again(asked, now + kPause);
    compared(slots_[asked.slot], evidence, now, out);
}

// What came since the cursor was set goes on from the snapshot.
void TrackerStream::compared(Followed& followed, const Ledger::Evidence& evidence, Instant now,
                             HandedOut& out) {
    ++counters_["snapshots"];
    --uncompared_;
    followed.compared = true;
    for (const auto& run : std::exchange(followed.waiting, {})) {
        waiting_ -= run.events.size();
        followed.ledger.apply(run, out);
    }
    doubt_again(followed.ledger.uncovered_ms(evidence.covers_ms), now);
}

void TrackerStream::doubt_again(std::uint32_t uncovered_ms, Instant now) {
    if (uncovered_ms == 0) return;
    doubt_at_ = std::min(doubt_at_,
                         now + std::max<Duration>(kPause, std::chrono::milliseconds(uncovered_ms)));
}

// Whoever is doubted and did not come until the evidence reached far enough, is offline.
void TrackerStream::conclude(Instant now, WallOffset wall, HandedOut& out) {
    if (!reach_ || !taken(reach_->at)) return;
    const auto reach = *std::exchange(reach_, std::nullopt);
    doubt_at_ = Instant::max();
    for (auto& followed : slots_) {
        if (!followed.compared) continue;
        // Of a slot that was taken over since it reaches back less far.
        auto evidence = reach.evidence;
        const auto own = std::max(followed.covers(reach.heard) / 1ms, Duration::rep{0});
        evidence.covers_ms = std::min(evidence.covers_ms, static_cast<std::uint64_t>(own));
        evidence.now_ms = millis(wall.at(now));
        followed.ledger.conclude(evidence, out);
        doubt_again(followed.ledger.uncovered_ms(evidence.covers_ms), now);
    }
}

void TrackerStream::expire(Instant now) {
    for (std::size_t i = asked_.size(); i-- > 0;) {
        if (now < asked_[i].deadline) continue;
        ++counters_["timeouts"];
        silent_ = true;
        const auto asked = std::move(asked_[i]);
        asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(i));
        if (asked.what == Asked::For::rows) replaying_ = false;
        if (asked.what == Asked::For::slot) slots_[asked.slot].asked = false;
        again(asked, now);
    }
}

void TrackerStream::ask(Asked asked, Instant now) {
    asked.rid = next_rid_++;
    asked.deadline = now + options_->answer_timeout;
    Query query{ReplayQuery{cursor_.boot, cursor_.batch}, asked.rid};
    if (asked.what != Asked::For::rows)
        query.op = SnapshotQuery{slots_[asked.slot].ledger.slot(), asked.whole.cursor};
    if (asked.what == Asked::For::slot) slots_[asked.slot].asked = true;
    questions_.push_back({index_, encode_query(query)});
    asked_.push_back(std::move(asked));
}

void TrackerStream::ask_what_is_due(Instant now) {
    const std::size_t asked_max = silent_ ? 1 : options_->questions_max;
    const auto free = [&] { return asked_.size() < asked_max; };
    if (behind_ && !replaying_ && room() && free()) {
        behind_ = false;
        replaying_ = true;
        ask({Asked::For::rows, 0, {}, 0, {}}, now);
    }
    if (doubt_at_ <= now && free()) {
        doubt_at_ = Instant::max();
        if (const auto slot = least_covered()) ask({Asked::For::evidence, 0, {}, *slot, {}}, now);
    }
    // A snapshot of a run that the replay has not come to is out of date, and would hold it up; but
    // without room for the replay it must show that.
    if (cursor_.boot != heard_.boot && room()) return;
    for (std::size_t n = 0; n < slots_.size() && uncompared_ > 0 && free(); ++n) {
        // The one that was asked last comes last.
        next_slot_ = (next_slot_ + 1) % slots_.size();
        const auto& followed = slots_[next_slot_];
        if (!followed.compared && !followed.asked)
            ask({Asked::For::slot, 0, {}, next_slot_, {}}, now);
    }
}

void TrackerStream::end_turn(Instant now, WallOffset wall, HandedOut& out,
                             std::vector<Question>& questions) {
    if (heard_.boot != 0 && std::exchange(lost_place_, false)) tell_gap(millis(wall.at(now)), out);
    conclude(now, wall, out);
    expire(now);
    if (heard_.boot != 0 && now >= not_before_) ask_what_is_due(now);

    // What is due and was not asked waits for the pause to end, or for one of the others to.
    wakeup_ = doubt_at_ <= now ? Instant::max() : doubt_at_;
    if (now < not_before_) wakeup_ = std::min(wakeup_, not_before_);
    for (const auto& asked : asked_)
        wakeup_ = std::min(wakeup_, asked.deadline);
    std::move(questions_.begin(), questions_.end(), std::back_inserter(questions));
    questions_.clear();
}

}  // namespace presence
