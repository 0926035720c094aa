#include "notifier/deliver/delivery.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "common/bugs.hpp"
#include "common/check.hpp"

namespace presence::notifier {

namespace {

// How long a sink that wants only the newest waits for it while history is replayed.
constexpr Duration kHoldMax = 1s;
constexpr Duration kClockKept = 10s;  // what a restart forgets of a clock, at most
constexpr std::uint32_t kShardsAtOnce = 16;
// Of what is set aside, and written anew with each portion; beyond, nothing new is begun.
constexpr std::size_t kAsideItemsMax = 10'000;

// A tick and an empty batch take room as well.
std::size_t weight_of(const TrackerMessage& heard) {
    if (std::holds_alternative<Answer>(heard.message)) return 0;  // bounded by the questions
    return std::max<std::size_t>(heard.events, 1);
}

std::vector<Slot> every_slot() {
    std::vector<Slot> all(kSlots);
    std::iota(all.begin(), all.end(), Slot{0});
    return all;
}

}  // namespace

Delivery::Delivery(Options options, FollowerOptions follower, SlotMap map, std::uint64_t seed)
    : options_(options),
      trackers_(follower.trackers),
      held_(options.delay, trackers_, map),
      follower_(std::move(follower), std::move(map)),
      retries_(options.retries, seed),
      currency_(trackers_.size()) {
    facts_.places = places();
    facts_.sink = std::max<std::uint64_t>(seed, 1);
    facts_.user_prefix = follower_.user_prefix();
}

std::vector<Place> Delivery::places() const {
    std::vector<Place> all;
    for (std::size_t i = 0; i < trackers_.size(); ++i)
        all.push_back(
            {trackers_[i], follower_.cursor(i), follower_.open_slots(i), held_.clock_ms(i)});
    return all;
}

// Where to go on is kept with what happens; and without, when there is a run to go on from, when
// nothing is left to compare, and now and then while a clock runs for somebody.
bool Delivery::place_is_news(std::size_t tracker) const {
    const auto& kept = facts_.places[tracker];
    return follower_.cursor(tracker).boot != kept.cursor.boot ||
           (!kept.open_slots.empty() && follower_.settled(tracker)) ||
           (held_.any(tracker) && held_.clock_ms(tracker) >= kept.heard_ms + kClockKept / 1ms);
}

bool Delivery::restore_shard(std::uint32_t shard, std::uint64_t row, std::string_view bytes) {
    auto kept = decode_shard(bytes);
    if (!kept || shard >= kShards) return false;
    shard_row_[shard] = row;
    for (auto& slot : kept->slots)
        follower_.restore(slot.slot, slot.position, std::move(slot.users));
    for (auto& held : kept->held)
        held_.restore(std::move(held));
    return true;
}

bool Delivery::restore_row(std::uint64_t row, std::string_view bytes) {
    auto kept = decode_row(bytes);
    if (!kept) return false;
    const auto is_older = [&](const Event& event) {
        return !event.user.empty() && row > shard_row_[shard_of(event.slot)];
    };
    for (const auto& change : kept->changes) {
        if (!is_older(change.event)) continue;
        follower_.redo(change.event);
        held_.forget(change.event.user, change.event.slot);
        dirty_.set(shard_of(change.event.slot));
    }
    for (auto& held : kept->held)
        if (is_older(held.event)) held_.restore(std::move(held));
    facts_.row = row;
    portion_ = std::move(kept->changes);
    return true;
}

bool Delivery::restore_facts(std::string_view bytes) {
    const auto facts = decode_facts(bytes);
    if (!facts) return false;
    // Slots change hands with the trackers: then nothing is known of where to go on.
    const bool same =
        std::equal(facts->places.begin(), facts->places.end(), trackers_.begin(), trackers_.end(),
                   [](const auto& kept, const auto& tracker) { return kept.tracker == tracker; });
    for (std::size_t i = 0; i < trackers_.size(); ++i) {
        auto place = same ? facts->places[i] : Place{};
        // Nobody was followed whom it did not cover, and whom it covers no longer was told online.
        if (facts->user_prefix != facts_.user_prefix) place.open_slots = every_slot();
        follower_.restore(i, place.cursor, place.open_slots);
        held_.restore_clock(i, same ? std::optional(place.heard_ms) : std::nullopt);
    }
    facts_.places = places();
    facts_.told = facts->row == facts_.row ? std::min<std::size_t>(facts->told, portion_.size())
                                           : portion_.size();
    facts_.row = std::max(facts->row, facts_.row);
    if (facts->sink != 0) facts_.sink = facts->sink;
    facts_.chunks = facts->chunks;
    if (facts_.told == portion_.size()) portion_.clear();
    begin_items();
    return true;
}

void Delivery::on_heard(TrackerMessagePtr heard) {
    currency_.on_heard(heard->tracker);
    if (const auto* const tick = std::get_if<Tick>(&heard->message))
        currency_.on_tick(heard->tracker, tick->freshness);
    const auto weight = weight_of(*heard);
    if (weight > 0 && inbox_weight_ + weight > options_.queue_max && !inbox_.empty())
        return let_go(*heard);
    inbox_weight_ += weight;
    inbox_events_ += heard->events;
    inbox_.push_back(std::move(heard));
}

// That there was such a batch is remembered, so that it is asked for as soon as there is room, not
// when the next one or a tick shows that it is missing.
void Delivery::let_go(const TrackerMessage& heard) {
    counters_["let_go"] += heard.events;
    behind_ = behind_ || heard.events > 0;
    if (const auto* const batch = std::get_if<Batch>(&heard.message))
        let_go_[heard.tracker] = {batch->tracker, batch->boot, batch->number};
    else if (const auto* const tick = std::get_if<Tick>(&heard.message))
        let_go_[heard.tracker] = *tick;
}

void Delivery::take_in(const TrackerMessage& heard, Instant now, WallOffset wall) {
    if (const auto* const batch = std::get_if<Batch>(&heard.message))
        follower_.on_batch(heard.tracker, *batch, now);
    else if (const auto* const tick = std::get_if<Tick>(&heard.message))
        follower_.on_tick(heard.tracker, *tick, now);
    else
        follower_.on_answer(heard.tracker, std::get<Answer>(heard.message), now, wall);
}

void Delivery::turn(Instant now, WallOffset wall, std::vector<Question>& questions) {
    currency_.turn(now, follower_.in_step());
    if (!free()) return;
    if (refill_.under_way()) refill_.on_told();
    for (std::size_t events = 0; !inbox_.empty() && events < options_.retries.chunk_max;) {
        const auto heard = std::move(inbox_.front());
        inbox_.pop_front();
        inbox_weight_ -= weight_of(*heard);
        inbox_events_ -= heard->events;
        events += heard->events;
        take_in(*heard, now, wall);
    }
    if (inbox_.empty())
        for (const auto& [tracker, last] : std::exchange(let_go_, {}))
            follower_.on_tick(tracker, last, now);
    if (changes_.empty()) changed_at_ = now;
    follower_.end_turn(now, wall, changes_, questions);
    if (options_.mode == Mode::latest) merge();
    for (std::size_t i = 0; i < trackers_.size(); ++i)
        held_.turn(i, now, inbox_.empty() && follower_.in_step(i) && currency_.is_live(i, now));
    if (portion_is_due(now)) begin_portion(millis(wall.at(now)));
    if (inbox_.empty()) currency_.on_taken_in(wall, portion_.empty());
    if (free() && inbox_.empty() && follower_.in_step()) behind_ = false;
}

void Delivery::refill(std::uint64_t number, bool tell) {
    refill_.begin(number, tell);
    gap_due_ = tell && options_.log_beside;
}

std::optional<std::string> Delivery::wants_page() const {
    return follower_.in_step() ? refill_.wants_page() : std::nullopt;
}

// Leaves the last change of each user, and tells it only if the sink knows otherwise.
void Delivery::merge() {
    std::unordered_map<std::string_view, const Change*, SecretHash> first;
    std::unordered_map<std::string_view, const Change*, SecretHash> last;
    for (const auto& change : changes_) {
        first.emplace(change.event.user, &change);
        last.insert_or_assign(change.event.user, &change);
    }
    std::vector<Change> merged;
    for (const auto& change : changes_) {
        if (last.at(change.event.user) != &change) continue;
        auto newest = change;
        const auto& oldest = *first.at(change.event.user);
        newest.was_online = oldest.was_online;
        newest.was_status = oldest.was_status;
        const bool online = newest.event.state == State::online;
        newest.told =
            !newest.event.user.empty() &&
            (online != newest.was_online || (online && newest.event.status != newest.was_status));
        merged.push_back(std::move(newest));
    }
    changes_ = std::move(merged);
}

// The sink has nothing to take, but for what is set aside, and that is kept.
bool Delivery::free() const {
    if (portion_.empty()) return true;
    return !step_ && !keep_ && retries_.only_aside() && retries_.left_count() <= kAsideItemsMax;
}

bool Delivery::portion_is_due(Instant now) const {
    if ((!wanted_.empty() && follower_.in_step()) || refill_is_due() || held_.is_due()) return true;
    if (changes_.empty()) {
        for (std::size_t i = 0; i < trackers_.size(); ++i)
            if (place_is_news(i)) return true;
        return false;
    }
    return options_.mode == Mode::every || !follower_.catching_up() ||
           changes_.size() >= options_.queue_max || now >= changed_at_ + kHoldMax;
}

// Whoever is told something in this portion anyway, is told what they are by the last of it.
void Delivery::add_wanted(std::int64_t now_ms) {
    if ((wanted_.empty() && !refill_is_due()) || !follower_.in_step()) return;
    if (std::exchange(gap_due_, false))
        for (const auto& tracker : trackers_)
            portion_.push_back(gap_notice(tracker, now_ms));
    std::unordered_set<std::string, SecretHash> told;
    for (const auto& change : portion_)
        if (change.told) told.insert(change.event.user);
    for (const auto& user : wanted_.users)
        if (told.insert(user).second) {
            portion_.push_back({follower_.state_of(user, now_ms)});
            held_.forget(user, portion_.back().event.slot);
        }
    if (refill_is_due())
        for (const auto& user : refill_.next(follower_))
            if (told.insert(user).second) portion_.push_back({follower_.state_of(user, now_ms)});
    for (auto& notice : wanted_.notices)
        portion_.push_back({std::move(notice)});
    wanted_ = {};
}

void Delivery::begin_portion(std::int64_t now_ms) {
    // What is set aside goes along, before all that is newer.
    std::vector<Change> aside;
    if (!portion_.empty())
        for (const auto item : retries_.left())
            aside.push_back(std::move(portion_[items_[item]]));
    portion_ = std::exchange(changes_, {});
    for (auto& change : portion_)
        held_.on_change(change);
    for (auto& change : held_.take_due())
        portion_.push_back(std::move(change));
    for (auto& change : portion_) {
        change.told = change.told && options_.selection.has(change.event);
        gap_told_ += change.told && is_gap_notice(change.event) ? 1 : 0;
    }
    add_wanted(now_ms);
    portion_.insert(portion_.begin(), std::make_move_iterator(aside.begin()),
                    std::make_move_iterator(aside.end()));
    facts_.places = places();
    ++facts_.row;
    facts_.told = bug(Bug::cursor_first) ? portion_.size() : 0;
    for (const auto& change : portion_)
        if (!change.event.user.empty()) dirty_.set(shard_of(change.event.slot));
    auto keep = std::make_shared<Keep>();
    keep->row = facts_.row;
    keep->changes = encode_row(portion_, held_.take_new());
    keep->facts = encode_facts(facts_);
    add_shards(*keep);
    keep_ = std::move(keep);
    // One that tells nothing and only moves the cursor is done when it is kept.
    if (portion_.empty()) portion_.push_back({{}, false});
    facts_.told = 0;
    begin_items();
}

void Delivery::begin_items() {
    items_.clear();
    std::vector<std::string_view> users;
    for (auto at = facts_.told; at < portion_.size(); ++at) {
        if (!portion_[at].told) continue;
        items_.push_back(at);
        users.emplace_back(portion_[at].event.user);
    }
    retries_.begin(std::move(users));
}

// About as many bytes of shards as of changes, so that a restart has no more than some ledgers to
// read; all of them with the first row, from where each goes on.
void Delivery::add_shards(Keep& keep) {
    const bool first = keep.row == 1;
    std::size_t bytes = 0;
    for (std::uint32_t n = 0; n < (first ? kShards : kShardsAtOnce); ++n) {
        const auto which = next_shard_;
        next_shard_ = (next_shard_ + 1) % kShards;
        auto& state = keep.shards.emplace_back(which, std::nullopt);
        if (first || dirty_[which]) state.second = shard(which);
        dirty_.reset(which);
        if (state.second) bytes += state.second->size();
        if (!first && bytes >= keep.changes.size()) break;
    }
}

std::string Delivery::shard(std::uint32_t which) const {
    std::vector<const Ledger*> ledgers;
    constexpr auto kEach = kSlots / kShards;
    for (auto slot = which * kEach; slot < (which + 1) * kEach; ++slot)
        if (const auto* const ledger = follower_.ledger(static_cast<Slot>(slot)))
            ledgers.push_back(ledger);
    return encode_shard(ledgers, held_.of_shard(which));
}

std::optional<Delivery::Job> Delivery::next(Instant now) {
    if (step_ || portion_.empty()) return std::nullopt;
    // What is new is kept before what is set aside is tried once more, or it might wait for that.
    if (!keep_ || !retries_.only_aside()) step_ = retries_.next(now);
    if (!step_) {
        const bool to_keep = keep_ || retries_.left_count() == 0;
        if (!to_keep || now < retries_.not_before()) return std::nullopt;
        step_.emplace();  // tells nothing
    }
    given_at_ = now;
    Job job{keep_, {}, {}, step_->attempts};
    for (const auto item : step_->items)
        job.chunk.push_back(portion_[items_[item]].event);
    auto facts = facts_;
    const auto leading = retries_.leading();
    facts.told = leading < items_.size() ? items_[leading] : portion_.size();
    job.number = facts_.chunks + 1;
    if (!job.chunk.empty() && job.attempts == 0) ++facts.chunks;
    job.facts = encode_facts(facts);
    return job;
}

void Delivery::on_delivered() {
    PRESENCE_CHECK(step_, "nothing was handed out");
    on_report(given_at_, Report::all_done(step_->items.size()));
}

void Delivery::on_report(Instant now, const Report& report) {
    PRESENCE_CHECK(step_, "nothing was handed out");
    const auto step = *std::exchange(step_, std::nullopt);
    const auto before = retries_.left_count();
    if (!step.items.empty())
        retries_.on_report(report, now);
    else if (report.failure)
        retries_.pause(now);
    auto& count = step.attempts > 0 ? counters_["dead"] : counters_["delivered"];
    count += before - retries_.left_count();
    if (report.failure) ++counters_["failures"];
    if (!report.failure) keep_.reset();
    if (!report.failure && !step.items.empty() && step.attempts == 0) ++facts_.chunks;
    if (retries_.left_count() > 0 || keep_) return;
    currency_.on_told();
    portion_.clear();
    items_.clear();
}

Instant Delivery::next_wakeup() const {
    if (step_) return Instant::max();
    auto wakeup = Instant::max();
    if (!portion_.empty()) {
        wakeup = keep_ ? retries_.not_before() : retries_.next_wakeup();
        if (!free()) return wakeup;
    }
    if (!inbox_.empty() || refill_is_due()) return Instant{};
    const auto hold = changes_.empty() ? Instant::max() : changed_at_ + kHoldMax;
    return std::min({wakeup, hold, follower_.next_wakeup(), held_.next_wakeup()});
}

NotifierCounters Delivery::counters() const {
    auto all = counters_;
    all["online"] = follower_.online();
    all["waiting"] = waiting();
    all["aside"] = retries_.aside();
    all["held"] = held_.size();
    all["returned"] = held_.returned();
    all["refusing"] = retries_.refuses_everything() ? 1 : 0;
    return all;
}

FollowCounters Delivery::followed() const {
    auto all = follower_.counters();
    all["gap_told"] = gap_told_;
    return all;
}

std::uint64_t Delivery::waiting() const {
    const auto portion = portion_.empty() ? 0 : std::max<std::size_t>(retries_.left_count(), 1);
    return inbox_events_ + changes_.size() + portion;
}

}  // namespace presence::notifier
