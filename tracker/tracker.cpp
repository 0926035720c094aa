#include "tracker/tracker.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/bugs.hpp"
#include "common/limits.hpp"
#include "tracker/tracker_impl.hpp"

namespace presence::tracker {

namespace {

constexpr std::size_t kExpiredPerTurnMax = 4'096;
// Answers cost about what their bytes do. What is beyond comes in the next turn, after its frames,
// so that a flood of questions slows down who asks, not the heartbeats.
constexpr std::size_t kAnswerBytesPerTurn = kAnswerPageBytes / 2;

FailureDetector::RunId run_of(const FrameHeader& header) {
    return {header.collector, header.boot};
}

}  // namespace

Tracker::Tracker(TrackerOptions options, SlotMap map, Instant now)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(map), now)) {}
Tracker::~Tracker() = default;
Tracker::Tracker(Tracker&&) noexcept = default;

void Tracker::on_frame(std::string_view peer, std::string_view bytes, Instant received,
                       WallOffset wall, std::string_view address) {
    auto& i = *impl_;
    const auto& header = i.frame.header;
    if (const auto fault = decode_frame(bytes, i.frame); fault != FrameFault::none) {
        i.frame.header = {};  // half read
        return i.refuse(name_of(fault));
    }
    if (header.cluster != i.options.cluster) return i.refuse("cluster");
    const auto accepted =
        i.failure_detector.on_frame(header, i.options.boot, received, address, !i.writing.full);
    if (accepted != FailureDetector::Accept::senseless &&
        accepted != FailureDetector::Accept::no_room)
        i.hear_epoch({header.collector, header.boot}, header.epoch, received);
    switch (accepted) {
        case FailureDetector::Accept::senseless:
            return i.refuse("numbers");
        case FailureDetector::Accept::no_room:
            return i.refuse("collectors_limit");
        case FailureDetector::Accept::duplicate:
            ++i.counters["frames_duplicate"];
            break;
        case FailureDetector::Accept::gap:
            ++i.counters["frames_gap"];
            break;
        case FailureDetector::Accept::apply:
            ++i.counters["frames"];
            i.feeds.on_frame({header.collector, header.boot}, header.list(), i.frame.list,
                             received);
            i.apply(header, received, wall);
            break;
        case FailureDetector::Accept::deferred:
            ++i.counters["frames_deferred"];
            break;
    }
    i.note_leases(header, received);
    i.note_sightings(header, received);
    i.acks.on_frame(
        run_of(header), peer,
        accepted == FailureDetector::Accept::duplicate || accepted == FailureDetector::Accept::gap);
}

void Tracker::Impl::refuse(std::string_view reason) {
    ++counters["frames_refused"];
    if (!refused) refused = {std::string(reason), frame.header.cluster, frame.header.collector};
}

void Tracker::Impl::apply(const FrameHeader& header, Instant received, WallOffset wall) {
    const auto default_ttl_ms = static_cast<std::uint32_t>(options.timeout / 1ms);
    const auto default_linger_ms = static_cast<std::uint32_t>(options.linger / 1ms);
    std::uint64_t moved = 0;
    Instant read{};
    for (RowReader rows(frame.row_groups); rows.next(beats[beat_count]);) {
        auto& beat = beats[beat_count];
        if (rows.first_of_group())
            read = failure_detector.read_time(run_of(header), rows.read(), received);
        if (!owns(slot_of(beat.hash))) {
            ++moved;
            continue;
        }
        roster.prefetch(beat.hash);
        if (beat.bye)
            beat.ttl_ms = linger_of_bye(beat.ttl_ms, default_linger_ms);
        else if (beat.ttl_ms == 0)
            beat.ttl_ms = default_ttl_ms;
        beat.at = read - std::chrono::milliseconds{beat.age_ms};
        beat.read = read;
        if (++beat_count == beats.size()) apply_beats(wall);
    }
    apply_beats(wall);
    counters["moved"] += moved;
    if (moved > 0) acks.on_moved(run_of(header), moved);
}

void Tracker::Impl::apply_beats(WallOffset wall) {
    roster.apply({beats.data(), beat_count}, wall, events);
    counters["heartbeats"] += beat_count;
    beat_count = 0;
}

// Also those of a frame that is not the next: they are of now, and hold for themselves.
void Tracker::Impl::note_leases(const FrameHeader& header, Instant received) {
    for (const auto& lease : frame.leases)
        roster.on_lease(lease.edge,
                        failure_detector.read_time(run_of(header), lease.read, received));
}

void Tracker::Impl::note_sightings(const FrameHeader& header, Instant received) {
    for (const auto& sighting : frame.sightings)
        failure_detector.on_sighting(run_of(header), sighting, received);
}

void Tracker::on_query(std::string_view peer, std::string_view bytes) {
    impl_->asked.push_back({std::string(peer), decode_query(bytes)});
}

void Tracker::on_subscriber(const PeerConnection& from, std::string_view message,
                            std::string_view address) {
    impl_->subscriptions.on_message(from, message);
    Subscriptions::Told told;
    if (!Subscriptions::read(message, told)) return;
    impl_->notifier_ids.on_subscription(told.topic, told.subscribed, address);
    impl_->tick_wanted |= told.subscribed && kTopicTick.starts_with(told.topic);
}

void Tracker::on_no_subscriber() {
    impl_->subscriptions.on_empty();
}

std::vector<Unwelcome> Tracker::take_unwelcome() {
    return impl_->subscriptions.take_unwelcome();
}

bool Tracker::end_turn(Instant now, WallOffset wall, Output& out) {
    auto& i = *impl_;
    if (!i.writing.full && !i.writing.failing)
        i.disk_held.reset();
    else if (!i.disk_held)
        i.disk_held = now;
    if (bug(Bug::wall_clock_heard))
        i.pass_time(i.taken.front() +
                    std::chrono::milliseconds{millis(wall.at(now)) - i.options.started_unix_ms});
    else
        i.pass_time(now);
    i.more_due = i.event_time && !i.writing.full &&
                 i.roster.expire(*i.event_time, wall, kExpiredPerTurnMax, i.events);
    i.publish(now, wall, out);
    const bool ticks = now >= i.next_tick();
    if (ticks) {
        i.publisher.tick(i.writing.written, i.stats.freshness, out.publications);
        i.tell_notifiers(now, out.publications);
        i.ticked = now;
        i.tick_wanted = false;
    }
    if (i.options.journal) i.tell_facts(ticks, out);
    i.acknowledge(now, out.acks);
    i.answer(now, wall, out);
    i.more_due = i.more_due || !i.asked.empty();
    return i.more_due;
}

void Tracker::on_writing(Writing writing) {
    // Frames that were deferred are sent again at once.
    if (impl_->writing.full && !writing.full) impl_->acks.all_due();
    impl_->writing = std::move(writing);
}

void Tracker::Impl::publish(Instant now, WallOffset wall, Output& out) {
    std::move(first.begin(), first.end(), std::back_inserter(out.publications));
    first.clear();
    for (auto& event : events) {
        if (event.freshness != Freshness::stale) event.freshness = freshness_of(event.slot, now);
        checkpoints.on_change(event.slot);
    }
    roster.take_news(news);
    for (const auto slot : std::exchange(news, {}))
        checkpoints.on_change(slot);
    publisher.publish(events, subscriptions, out.publications);
    // What a storm of arrivals needed is not kept for ever.
    if (events.capacity() > kExpiredPerTurnMax) events = {};
    if (options.journal) checkpoint(now, wall, out);
}

void Tracker::Impl::pass_time(Instant now) {
    failure_detector.on_time(now);
    snapshots.on_time(now);
    if (failure_detector.take_lift()) {
        roster.lift(now);
        lifted_at = now;
        ++counters["lifts"];
    }
    evidence = failure_detector.event_time(now);
    if (bug(Bug::watermark_skipped)) evidence = now;
    if (evidence && !warm_at) warm_at = now + options.timeout;
    stats.lag = evidence ? now - *evidence : Duration{-1};
    counters.set("lag_ms", stats.lag.count() < 0 ? -1 : stats.lag.count() / 1000);
    const bool missing = !evidence || failure_detector.known() == 0 || stats.lag > EventTime::kLag;
    // While the disk is behind we take no frames ourselves.
    // While nothing can be written nothing is acknowledged, and collectors stand for our sake.
    const bool disk = writing.full || writing.failing;
    using Held = EventTime::Held;
    event_time = time.turn(now, evidence,
                           !missing ? Held::no
                           : disk   ? Held::by_us
                                    : Held::for_evidence);
    if (const auto stopped = time.stopped(); stopped > 0s) roster.on_stop(now - stopped, now);
    look_at_feeds(now);
    roster.run_on(time.used_up(), now);
    // Who was told offline so may be missed by the next answer.
    const auto in_doubt = roster.counters()["offline_in_doubt"];
    if (time.used_up() || std::exchange(told_in_doubt, in_doubt) != in_doubt)
        doubted_until = now + options.timeout;
    if (!evidence)
        freshness_fed = Freshness::warming;
    else if (missing)
        freshness_fed = Freshness::frozen;
    else
        freshness_fed = now < *warm_at ? Freshness::warming : Freshness::live;
    const bool told = !bug(Bug::stale_untold);
    const bool doubted = told && now < doubted_until;
    // Without another tracker nobody else can hear a collector; without a collector time stands.
    const bool no_witness =
        map.trackers.size() > 1 && failure_detector.known() > 0 && failure_detector.unwitnessed();
    if (writing.failing || no_witness || (told && time.used_up())) freshness_fed = Freshness::stale;
    // Of lists: of some slots.
    stats.stale_by = {writing.failing, doubted, feeds.used_up(), no_witness};
    freshness_known = doubted ? Freshness::stale : Freshness::live;
    const bool taken_lately = now < taken_last + options.timeout;
    stats.freshness = std::max({freshness_fed, freshness_known, feeds.freshness(),
                                taken_lately ? Freshness::warming : Freshness::live});
    counters["slots_not_fed"] = feeds.missing().count();
}

void Tracker::Impl::acknowledge(Instant now, std::vector<ToPeer>& out) {
    acks.turn(failure_detector, publisher.batches(), writing.written, now,
              [&](const std::string& peer, const FailureDetector::View& view, std::uint64_t applied,
                  std::uint64_t moved) {
                  Ack ack{.cluster = options.cluster,
                          .tracker = options.tracker,
                          .tracker_boot = options.boot,
                          .collector_boot = view.boot,
                          .applied = applied,
                          // While the disk is full it is no time to send again.
                          .gap = view.gap && !writing.full,
                          .map_version = map.version,
                          .moved = moved,
                          .sent_us = micros(now),
                          .list_hash = feeds.rank().hash,
                          .epoch = epoch_known,
                          .heard_us = micros(view.sent)};
                  // Also one that knows more trackers than we do.
                  if (map.trackers.size() > 1 || feeds.goes_by_another({view.id, view.boot}))
                      ack.sightings = failure_detector.sightings_for({view.id, view.boot}, now);
                  if (view.other)
                      if (const auto other = failure_detector.view_of(*view.other, now))
                          ack.other = {other->boot, std::string(other->address)};
                  out.push_back({peer, encode_ack(ack)});
              });
}

Answers Tracker::Impl::answers(const TrackerCounters& current, Instant now, WallOffset wall) {
    return {options,
            map,
            self,
            roster,
            publisher,
            failure_detector,
            feeds,
            time,
            taken,
            snapshots,
            stats,
            current,
            now,
            wall,
            evidence,
            event_time,
            lifted_at,
            started,
            writing,
            disk_held,
            [this, now](Slot slot) { return std::max(freshness_of(slot, now), freshness_known); }};
}

Answer Tracker::Impl::heading(Instant now, WallOffset wall) const {
    Answer answer;
    answer.freshness = stats.freshness;
    answer.as_of_ms = millis(wall.at(evidence.value_or(now)));
    answer.stale_by = stats.stale_by.names();
    return answer;
}

void Tracker::Impl::answer(Instant now, WallOffset wall, Output& out) {
    if (asked.empty()) return;
    const auto current = counted();
    const auto answers_now = answers(current, now, wall);
    for (std::size_t bytes = 0; !asked.empty() && bytes < kAnswerBytesPerTurn; asked.pop_front()) {
        auto& [peer, question] = asked.front();
        ++counters["queries"];
        const auto* const query = std::get_if<Query>(&question);
        if (query == nullptr) {
            ++counters["queries_refused"];
            auto refusal = heading(now, wall);
            refusal.body = std::get<QueryError>(question);
            refusal.rid = std::get<QueryError>(question).rid;
            out.answers.push_back({std::move(peer), encode_answer(refusal)});
            continue;
        }
        const auto* const replay = std::get_if<ReplayQuery>(&query->op);
        if (replay != nullptr && options.journal) {
            out.replays.push_back({std::move(peer), query->rid, replay->boot, replay->after});
            continue;
        }
        auto& to = std::holds_alternative<SnapshotQuery>(query->op) ? out.snapshots : out.answers;
        auto answer = answers_now(*query);
        if (auto* const status = std::get_if<StatusAnswer>(&answer.body))
            for (auto& shared : ids_shared(now))
                status->shared.push_back(std::move(shared));
        to.push_back({std::move(peer), encode_answer(answer)});
        bytes += to.back().bytes.size();
    }
}

bool Tracker::takes_questions() const {
    return impl_->asked.empty();
}

ToPeer Tracker::answer_replay(const Replay& replay, std::variant<ReplayAnswer, QueryError> found,
                              Instant now, WallOffset wall) const {
    const auto& i = *impl_;
    auto answer = i.heading(now, wall);
    answer.rid = replay.rid;
    if (auto* const rows = std::get_if<ReplayAnswer>(&found)) {
        rows->boot = i.options.boot;
        answer.body = std::move(*rows);
    } else {
        answer.body = std::move(std::get<QueryError>(found));
    }
    return {replay.peer, encode_answer(answer)};
}

Instant Tracker::next_wakeup(Instant now) const {
    const auto& i = *impl_;
    if (i.more_due || !i.first.empty()) return now;
    // Deadlines fall due as watermarks come, and frames wake the loop by themselves.
    return i.next_tick();
}

Instant Tracker::Impl::next_tick() const {
    return ticked + (tick_wanted ? kTickIntervalMin : kTickInterval);
}

TrackerCounters Tracker::Impl::counted() const {
    auto all = counters;
    all += roster.counters();
    all["online"] = roster.users();
    all["sessions"] = roster.sessions();
    all["edges"] = roster.edges();
    std::vector<Roster::Hold> none;
    all["edges_silent"] = roster.silent_edges(0, none);
    all["transitions"] = publisher.transitions();
    all["batches"] = publisher.batches();
    all["journal_waiting_bytes"] = writing.waiting_bytes;
    all["replays_refused"] = writing.replays_refused;
    all["topics"] = subscriptions.topics();
    return all;
}

const Tracker::Stats& Tracker::stats() const {
    return impl_->stats;
}

TrackerCounters Tracker::counters() const {
    return impl_->counted();
}

std::uint64_t Tracker::boot() const {
    return impl_->options.boot;
}

std::vector<StatusAnswer::Hold> Tracker::holds(Instant now, WallOffset wall) const {
    return impl_->answers(impl_->counters, now, wall).holds();
}

const Feeds& Tracker::feeds() const {
    return impl_->feeds;
}

const FailureDetector& Tracker::failure_detector() const {
    return impl_->failure_detector;
}

std::optional<Tracker::Refused> Tracker::take_refused() {
    return std::exchange(impl_->refused, std::nullopt);
}

}  // namespace presence::tracker
