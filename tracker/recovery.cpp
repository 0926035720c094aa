// What of a tracker outlives its process: states and facts, and how a run begins from them.
#include <algorithm>
#include <chrono>
#include <utility>

#include "common/bugs.hpp"
#include "common/wire/batch.hpp"
#include "tracker/facts.hpp"
#include "tracker/tracker_impl.hpp"

namespace presence::tracker {

namespace {

constexpr std::size_t kStatesPerTurnMax = 4;

// When it was, on our clock, that the wall clock showed `ms`; never after `now`.
Instant instant_of(std::int64_t ms, Instant now, WallOffset wall) {
    const auto ago = millis(wall.at(now)) - ms;
    return now - std::chrono::milliseconds(std::clamp<std::int64_t>(ago, 0, 1'000LL * 86'400 * 30));
}

}  // namespace

std::optional<std::size_t> Tracker::restore_state(std::string_view bytes, Instant now,
                                                  WallOffset wall) {
    auto& i = *impl_;
    const auto answer = decode_answer(bytes);
    const auto* const state = answer ? std::get_if<SnapshotAnswer>(&answer->body) : nullptr;
    if (state == nullptr) return {};
    i.epoch_known = std::max(i.epoch_known, state->epoch);
    if (!i.owns(state->slot)) return 0;
    i.has_state[state->slot] = true;
    i.publisher.restore(state->slot, {state->epoch, state->seq});
    std::size_t left_out = 0;
    for (const auto& user : state->users) {
        Roster::Held held{
            user.user, user.since_ms, instant_of(user.last_seen_ms, now, wall), user.ttl_ms, {}};
        if (user.status) held.status = *user.status;
        if (!i.restore(held)) ++left_out;
    }
    return left_out;
}

std::optional<std::size_t> Tracker::restore_batch(std::string_view bytes, Instant now,
                                                  WallOffset wall) {
    auto& i = *impl_;
    const auto batch = decode_batch(bytes);
    if (!batch) return {};
    std::size_t left_out = 0;
    for (const auto& run : batch->slots) {
        i.epoch_known = std::max(i.epoch_known, run.epoch);
        if (run.slot >= kSlots || !i.owns(run.slot)) continue;
        for (const auto& event : run.events) {
            const auto& at = i.publisher.stream(run.slot);
            if (std::pair(event.epoch, event.seq) <= std::pair(at.epoch, at.seq)) continue;
            i.publisher.restore(run.slot, {event.epoch, event.seq});
            i.checkpoints.on_change(run.slot);
            left_out += i.restore_event(event, now, wall) ? 0 : 1;
        }
    }
    return left_out;
}

bool Tracker::Impl::restore_event(const Event& event, Instant now, WallOffset wall) {
    if (event.state == State::offline) {
        roster.forget(event.user);
        left_out.erase(event.user);
        return true;
    }
    Roster::Held held{event.user,
                      event.since_ms.value_or(event.at_ms),
                      instant_of(event.at_ms, now, wall),
                      event.ttl_ms,
                      {}};
    if (event.status) held.status = *event.status;
    return restore(held);
}

// Whoever finds no room is nobody's from now on, and must not stay online for ever.
bool Tracker::Impl::restore(const Roster::Held& held) {
    const bool restored = roster.restore(held);
    if (restored) {
        left_out.erase(std::string(held.user));
        return true;
    }
    Event event;
    event.user = held.user;
    event.state = State::offline;
    event.reason = name_of(Reason::startup);
    event.since_ms = held.since_ms;
    event.ttl_ms = held.ttl_ms;
    event.slot = slot_of(hash_of(held.user));
    left_out.insert_or_assign(std::string(held.user), std::move(event));
    return false;
}

void Tracker::begin(const Past& past, Instant now, WallOffset wall) {
    auto& i = *impl_;
    i.publisher.resume(past.boot, past.batch);
    if (i.options.journal) i.writing.written = past.batch;
    i.failure_detector.resume(past.boot);
    i.resume(past.facts, now);
    const auto own = slots_owned(i.map, i.options.tracker);
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        if (own[slot] && !i.has_state[slot]) i.first_states.push_back(static_cast<Slot>(slot));
    i.begin(own, i.options.started_unix_ms);
    i.publisher.begin_run(i.first);
    for (auto& [user, event] : std::exchange(i.left_out, {})) {
        event.at_ms = millis(wall.at(now));
        i.events.push_back(std::move(event));
    }
    if (past.users == Past::Users::end)
        i.roster.end_all(Reason::startup, millis(wall.at(now)), wall, i.events);
}

void Tracker::end_all(Instant now, WallOffset wall) {
    impl_->roster.end_all(Reason::shutdown, millis(wall.at(now)), wall, impl_->events);
}

// After the batches of the turn, whose effects the states hold.
void Tracker::Impl::checkpoint(Instant now, WallOffset wall, Output& out) {
    bool wrote = false;
    for (const auto& publication : out.publications)
        if (publication.batch != 0) {
            checkpoints.on_bytes(publication.bytes.size());
            wrote = true;
        }
    for (const auto slot : std::exchange(first_states, {}))
        write_state(slot, wall, out);
    for (std::size_t n = 0; n < kStatesPerTurnMax; ++n) {
        const auto slot = checkpoints.next(now);
        if (!slot) break;
        write_state(*slot, wall, out);
        checkpoints.on_written(*slot, out.states.back().bytes->size(), now);
    }
    if (wrote && !out.states.empty())
        for (const auto slot : checkpoints.unchanged())
            if (has_state[slot]) out.states.push_back({slot, publisher.batches(), {}});
}

void Tracker::Impl::write_state(Slot slot, WallOffset wall, Output& out) {
    const TrackerCounters none;
    answers(none, Instant{}, wall).whole(slot, std::get<SnapshotAnswer>(state.body));
    has_state[slot] = true;
    out.states.push_back({slot, publisher.batches(), encode_answer(state)});
}

// With each batch: how far each collector was applied belongs to what came of it. Otherwise a frame
// that was not acknowledged yet would be applied a second time by the next run, and what it changed
// told a second time. Who is known changes without a batch, and seldom.
void Tracker::Impl::tell_facts(bool ticks, Output& out) {
    const bool wrote = std::any_of(out.publications.begin(), out.publications.end(),
                                   [](const auto& p) { return p.batch != 0; });
    if (!wrote && !ticks) return;
    std::vector<std::string> known;
    for (const auto& c : failure_detector.view(Instant{}))
        if ((c.state == FailureDetector::View::State::expected ||
             c.state == FailureDetector::View::State::live) &&
            (known.empty() || known.back() != c.id))
            known.emplace_back(c.id);
    if (known == collectors_told && epoch_known == epoch_told && !wrote) return;
    Facts facts{epoch_known, known, failure_detector.applied(), {options.clock, {}}, std::nullopt};
    for (const auto& start : restarts.starts())
        facts.starts.all.push_back({micros(start.at), start.gap.count()});
    if (const auto over = std::max(event_time, resumed))  // nothing is less than any
        facts.event_time = {options.clock, micros(*over)};
    out.facts = encode_facts(facts);
    collectors_told = std::move(known);
    epoch_told = epoch_known;
}

void Tracker::Impl::resume(std::string_view bytes, Instant now) {
    auto facts = decode_facts(bytes);
    if (is_plausible(facts.epoch)) epoch_known = std::max(epoch_known, facts.epoch);
    const auto runs_on = [&](std::uint64_t clock) { return clock != 0 && clock == options.clock; };
    if (runs_on(facts.starts.clock)) {
        std::vector<Restarts::Start> starts;
        for (const auto& start : facts.starts.all)
            starts.push_back({Instant{Duration{start.at_us}}, Duration{start.gap_us}});
        restarts.resume(std::move(starts));
    }
    restarts.begin(now);
    roster.shorten_held([&](Instant seen, Duration ttl) { return restarts.held_until(seen, ttl); });
    // What was over then is over still, though its heartbeats come again: a run that took them for
    // news would bring back users who were told offline.
    if (const auto& over = facts.event_time; over && runs_on(over->clock) && over->at_us > 0) {
        resumed = std::min(Instant{Duration{over->at_us}}, now);
        roster.resume(*resumed);
    }
    if (bug(Bug::applied_forgotten)) return;
    for (auto& link : facts.links)
        failure_detector.resume(std::move(link));
}

std::vector<std::string> Tracker::collectors_in(std::string_view facts) {
    return decode_facts(facts).collectors;
}

}  // namespace presence::tracker
