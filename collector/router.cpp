#include "collector/router.hpp"

#include <algorithm>
#include <utility>

#include "collector/edges.hpp"
#include "collector/input_probe.hpp"
#include "collector/input_watermark.hpp"
#include "collector/link.hpp"
#include "common/bugs.hpp"
#include "common/check.hpp"
#include "common/limits.hpp"

namespace presence::collector {
namespace {

constexpr Duration kForever = std::chrono::milliseconds{kTtlMaxMs};

}  // namespace

struct Router::Impl {
    Impl(RouterOptions o, SlotMap m)
        : options(std::move(o)),
          map(std::move(m)),
          routing(routing_by(map)),
          read_lease(options.lease, options.reconnect_max),
          sightings(options.grace) {
        PRESENCE_CHECK(!map.trackers.empty(), "heartbeats need a tracker to go to");
        for (const auto& tracker : map.trackers)
            links.push_back(make_link(tracker));
    }

    [[nodiscard]] static std::shared_ptr<const Routing> routing_by(const SlotMap& map) {
        return std::make_shared<const Routing>(Routing{rank_of(map), encode_list(map)});
    }

    // A tracker that left the map and came back would take a link that counts from 1 again for
    // frames it had: hence another boot, still far below that of a later run.
    [[nodiscard]] std::unique_ptr<Link> make_link(const std::string& tracker) const {
        return std::make_unique<Link>(Link::Options{.cluster = options.cluster,
                                                    .collector = options.collector,
                                                    .tracker = tracker,
                                                    .boot = options.boot + adoptions,
                                                    .flush_interval = options.flush_interval,
                                                    .resend_bytes_max = options.resend_bytes_max,
                                                    .backlog_max = options.backlog_max,
                                                    .edges = &edges,
                                                    .routing = routing});
    }

    [[nodiscard]] Link& link_of(std::uint64_t hash) { return *links[map.owner[slot_of(hash)]]; }

    // Whether a heartbeat was over before event time came there. One that lived when it was sent,
    // and came while we could not read, counts still: it may be all that bridges a ttl.
    [[nodiscard]] static bool is_stale(const Link& link, Duration age, Duration ttl,
                                       Instant received) {
        return age > ttl && (age > kForever || received - age + ttl < link.watermark());
    }

    // False if the heartbeat is stale.
    bool route(const Heartbeat& beat, std::string_view edge, Duration delay, Instant received) {
        // A bye has no ttl to outlive: the session it ends may have had any.
        const Duration ttl = beat.bye           ? kForever
                             : beat.ttl_ms != 0 ? std::chrono::milliseconds{beat.ttl_ms}
                                                : options.timeout;
        const std::uint64_t hash = hash_of(beat.user);
        auto& link = link_of(hash);
        std::uint32_t age_ms = 0;
        if (beat.age_ms != 0 || delay.count() != 0) {
            if (beat.age_ms > kTtlMaxMs) return false;
            const Duration told = std::chrono::milliseconds{beat.age_ms};
            const Duration age = told + delay;
            if (told > ttl || is_stale(link, age, ttl, received)) return false;
            age_ms = static_cast<std::uint32_t>(age / 1ms);
        }
        link.append({.hash = hash,
                     .user = beat.user,
                     .session = beat.session,
                     .edge = edge,
                     .status = beat.status,
                     .ttl_ms = beat.bye ? ttl_of_bye(beat.linger_ms) : beat.ttl_ms,
                     .age_ms = age_ms,
                     .bye = beat.bye},
                    received);
        if (beat.bye && options.probed) input_probe.hurry(received);
        return true;
    }

    void note_wrong(std::string_view user, Reject what) {
        if (!wrong) wrong = {std::string(user), std::string(decoded.envelope.edge), what};
    }

    // As route(), for all that are mere ids, which have one age. Returns how many are stale.
    std::size_t route_ids(Duration delay, Instant received) {
        std::size_t stale = 0;
        const auto age_ms = static_cast<std::uint32_t>(delay / 1ms);
        const RowSource source{decoded.envelope.edge, ++messages_of_ids};
        for (const auto id : decoded.ids) {
            const std::uint64_t hash = hash_of(id);
            auto& link = link_of(hash);
            if (is_stale(link, delay, options.timeout, received)) {
                ++stale;
                note_wrong(id, "stale");
            } else {
                link.append(hash, id, source, age_ms, received);
            }
        }
        return stale;
    }

    // As another run, whose frames the tracker has not seen. Rows go again; a bye may then be told
    // twice.
    void begin_anew(std::size_t tracker) {
        ++adoptions;
        ++counters["begun_anew"];
        const auto before = std::exchange(links[tracker], make_link(map.trackers[tracker]));
        counters += before->counters();
        links[tracker]->note_loss();
        before->release([&](const Row& row, PeerInstant read) {
            links[tracker]->divert(row, Instant{read.time_since_epoch()});
        });
    }

    [[nodiscard]] bool behind(Instant now) const {
        bool any = false;
        for (const auto& link : links) {
            if (!link->takes(now)) continue;
            if (!link->behind()) return false;
            any = true;
        }
        return any;
    }

    // Ages are by the tracker's clock. It told them after it had heard what we sent at `heard_us`.
    void take_sightings(const Ack& ack) {
        if (ack.heard_us == 0) return;
        for (const auto& [collector, seen] : ack.sightings) {
            const Duration age{ack.sent_us - micros(seen)};
            if (collector != options.collector)
                sightings.note(collector,
                               Instant{Duration{ack.heard_us}} - std::max(age, Duration{0}));
        }
    }

    // Well before a tracker that hears us gives up a collector that it does not hear.
    [[nodiscard]] bool misses_tracker(Instant now) const {
        return std::any_of(links.begin(), links.end(), [&](const auto& link) {
            return !link->heard_at() || now - *link->heard_at() > options.grace / 2;
        });
    }

    void end_turn(Instant now, std::vector<Outgoing>& out) {
        const bool several = links.size() > 1;
        if (several) sightings.turn(now);
        if (watermark.take_abandoned())
            for (const auto& link : links)
                link->note_loss();
        const Link::Turn turn{now, watermark.value(), epoch, several ? &sightings : nullptr,
                              several && misses_tracker(now)};
        for (std::size_t i = 0; i < links.size(); ++i)
            links[i]->end_turn(turn, [&](std::string frame) {
                out.push_back({i, std::make_shared<const std::string>(std::move(frame))});
            });
    }

    RouterOptions options;
    SlotMap map;
    std::shared_ptr<const Routing> routing;
    Epoch epoch = 0;  // the highest that a tracker told
    Edges edges{kEdgesMax};
    std::vector<std::unique_ptr<Link>> links;  // as map.trackers
    InputWatermark watermark{options.began, options.probed};
    InputProbe input_probe;
    ReadLease read_lease;
    Sightings sightings;
    std::uint64_t messages_of_ids = 0;
    Heartbeats decoded;
    std::optional<Wrong> wrong;
    std::uint64_t adoptions = 0;
    CollectorCounters counters;  // with those of links that are no more
};

Router::Router(RouterOptions options, SlotMap map)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(map))) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::begin_turn(Instant now) {
    auto& i = *impl_;
    i.watermark.begin_turn(now);
    const auto before = i.read_lease.state();
    i.read_lease.begin_turn(now, i.behind(now));
    i.counters["waits"] += before == ReadLease::State::open && i.read_lease.waits_for_trackers();
    i.counters["closings"] += before != input() && input() == ReadLease::State::closed;
    if (before != input() && input() == ReadLease::State::open)
        i.watermark.on_resumed(now, i.read_lease.unread_since());
}

void Router::on_message(std::string_view message, Instant received) {
    auto& decoded = impl_->decoded;
    ++impl_->counters["messages"];
    decode_heartbeats(message, decoded, rejects_);
    if (const auto& wrong = decoded.wrong) impl_->note_wrong(wrong->user, wrong->field);
    Duration delay{0};
    if (!decoded.envelope.edge.empty()) {
        const auto known = impl_->edges.delay_of(decoded.envelope, received);
        if (!known) ++rejects_["edges_limit"];
        if (known && known->clock_wrong) {
            ++rejects_["bad_clock"];
            impl_->note_wrong({}, "bad_clock");
        }
        delay = known.value_or(Edges::Delay{}).time;
    }
    std::uint64_t stale = impl_->route_ids(delay, received);
    for (const auto& beat : decoded.beats) {
        if (impl_->route(beat, decoded.envelope.edge, delay, received)) continue;
        ++stale;
        impl_->note_wrong(beat.user, "stale");
    }
    impl_->counters["heartbeats"] += decoded.ids.size() + decoded.beats.size() - stale;
    rejects_["stale"] += stale;
}

bool Router::on_ack(std::size_t tracker, std::string_view bytes, Instant received) {
    const auto ack = decode_ack(bytes);
    const bool good =
        ack && tracker < impl_->links.size() && impl_->links[tracker]->on_ack(*ack, received);
    impl_->counters["refused_acks"] += !good;
    if (ack && tracker < impl_->links.size() && impl_->links[tracker]->astray())
        impl_->begin_anew(tracker);
    if (good) {
        if (is_plausible(ack->epoch)) impl_->epoch = std::max(impl_->epoch, ack->epoch);
        if (const auto heard = impl_->links[tracker]->heard_at()) {
            impl_->read_lease.vouch(*heard);
            impl_->take_sightings(*ack);
        }
    }
    return good;
}

void Router::end_turn(Instant now, bool drained, std::vector<Outgoing>& out) {
    const bool waits = impl_->read_lease.waits_for_trackers();
    const bool empty =
        (drained && input() == ReadLease::State::open) || (waits && bug(Bug::behind_forgotten));
    const bool full = !empty && (waits || input() == ReadLease::State::open);
    impl_->watermark.end_turn(now, empty, full);
    impl_->end_turn(now, out);
}

void Router::on_probe(std::uint64_t number, Instant received) {
    const auto moved = impl_->input_probe.on_back(number);
    if (!moved) return;
    impl_->counters["input_stalls"] += received - *moved > InputWatermark::kStall;
    impl_->watermark.on_moved(*moved, received);
}

std::optional<std::uint64_t> Router::probe(Instant now) {
    if (!impl_->options.probed) return std::nullopt;
    return impl_->input_probe.due(now);
}

Duration Router::input_silence(Instant now) const {
    return impl_->input_probe.waiting(now);
}

void Router::adopt(SlotMap map) {
    PRESENCE_CHECK(!map.trackers.empty(), "heartbeats need a tracker to go to");
    auto before = std::exchange(impl_->links, {});
    impl_->map = std::move(map);
    impl_->routing = Impl::routing_by(impl_->map);
    ++impl_->adoptions;
    for (const auto& tracker : impl_->map.trackers) {
        const auto kept = std::find_if(before.begin(), before.end(), [&](const auto& link) {
            return link && link->tracker() == tracker;
        });
        if (kept != before.end()) {
            impl_->links.push_back(std::move(*kept));
            impl_->links.back()->route_by(impl_->routing);
        } else {
            // What was read of its users before went elsewhere.
            impl_->links.push_back(impl_->make_link(tracker));
            impl_->links.back()->note_loss();
        }
    }
    for (const auto& link : before) {
        if (!link) continue;
        impl_->counters += link->counters();
        link->release([&](const Row& row, PeerInstant read) {
            impl_->link_of(row.hash).divert(row, Instant{read.time_since_epoch()});
        });
    }
}

void Router::goodbye(Instant now, std::vector<Outgoing>& out) {
    impl_->input_probe.rest();
    for (const auto& link : impl_->links) {
        if (input() != ReadLease::State::open) link->note_loss();  // what came lies unread
        link->leave();
    }
    impl_->end_turn(now, out);
}

ReadLease::State Router::input() const {
    return impl_->read_lease.state();
}

void Router::on_opened(Instant now) {
    impl_->watermark.on_reopened(impl_->read_lease.on_opened(now));
}

bool Router::all_acknowledged() const {
    return std::all_of(impl_->links.begin(), impl_->links.end(),
                       [](const auto& link) { return link->all_acknowledged(); });
}

bool Router::heard_by_all() const {
    return std::all_of(impl_->links.begin(), impl_->links.end(),
                       [](const auto& link) { return link->heard(); });
}

const std::optional<Ack::Other>& Router::other_told_by(std::size_t tracker) const {
    return impl_->links[tracker]->other();
}

Instant Router::next_wakeup() const {
    Instant earliest = impl_->input_probe.next_wakeup();
    for (const auto& link : impl_->links)
        earliest = std::min(earliest, link->next_wakeup());
    return earliest;
}

std::optional<Router::Wrong> Router::take_wrong() {
    return std::exchange(impl_->wrong, std::nullopt);
}

const SlotMap& Router::map() const {
    return impl_->map;
}

const ListRank& Router::rank() const {
    return impl_->routing->rank;
}

std::optional<ListRank> Router::list_of(std::size_t tracker) const {
    return impl_->links[tracker]->tracker_list();
}

CollectorCounters Router::counters() const {
    auto all = impl_->counters;
    for (const auto& link : impl_->links) {
        all += link->counters();
        all["backlog_rows"] += link->backlog_rows();
    }
    all["edges"] = impl_->edges.size();
    return all;
}

}  // namespace presence::collector
