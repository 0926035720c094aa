#include "tests/simulation/collector_process.hpp"

#include <algorithm>
#include <utility>

#include "common/check.hpp"
#include "common/limits.hpp"
#include "tests/simulation/edge.hpp"
#include "tests/simulation/lists.hpp"
#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {

namespace {
constexpr std::size_t kMessagesPerTurn = 40;
constexpr std::size_t kMessagesSlow = 2;
constexpr std::size_t kQueueMax = 5'000;
// Edges here know at once who takes heartbeats.
constexpr Time kReconnectMax = 200 * kMillisecond;
}  // namespace

CollectorProcess::CollectorProcess(Environment& env, std::size_t index, Random random,
                                   const Shape& shape, const SlotMap& map, Model& model,
                                   SendPacket to_tracker)
    : Process(env, Place::collector, "c" + std::to_string(index), random),
      id_("c" + std::to_string(shape.id_of(index))),
      index_(index),
      shape_(shape),
      map_(&map),
      next_map_(&map),
      listed_(shape.trackers),
      model_(model),
      to_tracker_(std::move(to_tracker)) {}

void CollectorProcess::adopt(const SlotMap& map) {
    env_.coverage.met(Fault::reload, Place::collector);
    trace("gets list " + std::to_string(map.version));
    next_map_ = &map;
    if (up()) wake_soon();
}

// Rows that were read are on their way as they were routed; of others the new list decides.
void CollectorProcess::take_list() {
    if (map_ == next_map_ || next_map_->version <= map_->version) return;
    trace("goes by list " + std::to_string(next_map_->version));
    const auto& before = *std::exchange(map_, next_map_);
    router_->adopt(*map_);
    SlotSet moved;
    for (std::size_t slot = 0; slot < kSlots; ++slot)
        moved[slot] = before.trackers[before.owner[slot]] != map_->trackers[map_->owner[slot]];
    model_.moved(moved);
    for (std::size_t t = 0; t < shape_.trackers; ++t) {
        const auto id = tracker_name(t);
        const auto has = [&](const SlotMap& map) {
            return std::find(map.trackers.begin(), map.trackers.end(), id) != map.trackers.end();
        };
        if (has(before) == has(*map_)) continue;
        listed_[t] = has(*map_) ? std::optional(now()) : std::nullopt;
        sent_[t] = {{}, 0, now()};
    }
    std::vector<FramePromises> promises(shape_.trackers);
    for (std::size_t t = 0; t < shape_.trackers; ++t)
        promises_[t].reroute(
            listed_[t].has_value(), closed_at_,
            [&](const std::string& user) -> auto& { return promises[owner(hash_of(user))]; },
            promises[t]);
    promises_ = std::move(promises);
}

std::size_t CollectorProcess::owner(std::uint64_t hash) const {
    return tracker_index(map_->trackers[map_->owner[slot_of(hash)]]);
}

std::optional<std::size_t> CollectorProcess::link_to(std::size_t tracker) const {
    const auto it = std::find(map_->trackers.begin(), map_->trackers.end(), tracker_name(tracker));
    if (it == map_->trackers.end()) return std::nullopt;
    return static_cast<std::size_t>(it - map_->trackers.begin());
}

void CollectorProcess::boot() {
    map_ = next_map_;
    listed_.assign(shape_.trackers, std::nullopt);
    for (const auto& id : map_->trackers)
        listed_[tracker_index(id)] = now();
    collector::RouterOptions options;
    options.collector = id_;
    options.boot = boot_ = static_cast<std::uint64_t>(now()) + 1;
    options.began = local_now();
    options.timeout = Duration{shape_.timeout};
    options.flush_interval = Duration{shape_.flush};
    options.resend_bytes_max = shape_.resend_bytes_max;
    options.backlog_max = shape_.backlog_max;
    options.grace = Duration{shape_.grace};
    options.lease = Duration{shape_.grace * 3 / 4};
    options.reconnect_max = Duration{kReconnectMax};
    options.probed = true;
    closed_ = false;
    router_.emplace(options, *map_);
    dropped_ = 0;
    sent_.assign(shape_.trackers, {{}, 0, now()});
    promises_.assign(shape_.trackers, {});
}

void CollectorProcess::die() {
    model_.evidence().lost(index_, safe());
    router_.reset();
    stamps_.clear();
    moved_at_ = input_stalled_until_ = 0;
    probe_.reset();
    kernel_.clear();
    queue_.clear();
    acks_.clear();
    turn_.clear();
    turn_acks_.clear();
    out_.clear();
}

void CollectorProcess::on_heartbeats(HeartbeatPacket packet) {
    if (!up() || closed_ || queue_.size() + kernel_.size() >= kQueueMax) return;
    // To a machine that sleeps it is sent again once that is awake.
    if (clock().stands_still()) return kernel_.push_back({std::move(packet), kNever});
    arrives(*packet);
    const bool moves = !stopped() && now() >= input_stalled_until_;
    (moves ? queue_ : kernel_).push_back({std::move(packet), now()});
    wake_soon();
}

void CollectorProcess::arrives(const HeartbeatMessage& message) {
    for (const auto& beat : message.beats)
        promises_about(beat).arrived(beat, now());
}

void CollectorProcess::stops(Time until, Time length) {
    const Time lag =
        length > tolerances::kStall ? random_.between(0, tolerances::kKernelLagMax) : 0;
    moved_at_ = std::max(moved_at_, until + lag);
    env_.scheduler.at(moved_at_, [this] { wake_soon(); });
    // While the machine stood still its kernel took in nothing that it could hold.
    const Time awake_least = tolerances::kStall + (until - now()) - length;
    env_.scheduler.at(until, [this, until, lag, awake_least, began = local_now()] {
        if (local_now() - began > Duration{awake_least} || moved_at_ != until + lag) return;
        moved_at_ = until;
        wake_soon();
    });
}

// Probes are as quick as what came first after it; the rest is as late as after a stop.
void CollectorProcess::stall_input(Time until) {
    if (!up()) return;
    env_.coverage.met(Fault::input_stall, Place::collector);
    trace("its input stalls");
    input_stalled_until_ = std::max(input_stalled_until_, until);
    stops(until, until - now() - tolerances::kProbePause);
}

void CollectorProcess::on_ack(std::size_t tracker, const Packet& packet) {
    if (!up() || packet.connection != boot_ || acks_.size() >= kQueueMax) return;
    acks_.emplace_back(tracker, packet);
    wake_soon();
}

void CollectorProcess::receive() {
    turn_began_ = now();
    take_list();
    router_->begin_turn(local_now());
    if (probe_ && now() >= input_stalled_until_) router_->on_probe(*probe_, local_now());
    if (now() >= input_stalled_until_) probe_.reset();
    if (now() >= moved_at_) {
        for (auto& arrived : kernel_) {
            if (arrived.at == kNever) {
                arrives(*arrived.packet);
                arrived.at = now();
            }
            queue_.push_back(std::move(arrived));
        }
        kernel_.clear();
    }
    open_or_close();
    const bool reads = router_->input() == collector::ReadLease::State::open;
    while (reads && !queue_.empty() && turn_.size() < (slow() ? kMessagesSlow : kMessagesPerTurn)) {
        turn_.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    drained_ = reads && queue_.empty();
    turn_acks_.assign(acks_.begin(), acks_.end());
    acks_.clear();
}

void CollectorProcess::decide() {
    for (const auto& arrived : turn_)
        read(arrived);
    for (const auto& [tracker, packet] : turn_acks_) {
        const auto link = link_to(tracker);
        if (!link || !router_->on_ack(*link, *packet.bytes, local_now())) continue;
        note_acknowledged(tracker, *packet.bytes);
    }
    turn_.clear();
    turn_acks_.clear();
    router_->end_turn(local_now(), drained_, out_);
    check_bounds();
}

// What was not read is lost with the socket, and nobody was promised it.
void CollectorProcess::open_or_close() {
    const bool closed = router_->input() == collector::ReadLease::State::closed;
    if (closed == closed_) return;
    closed_ = closed;
    trace(closed ? "closes its input" : "opens its input");
    if (closed) closed_at_ = now();
    kernel_.clear();
    queue_.clear();
    if (!closed) router_->on_opened(local_now());
}

FramePromises& CollectorProcess::promises_about(const Beat& beat) {
    return promises_[owner(hash_of(user_name(beat.user)))];
}

void CollectorProcess::read(const Arrived& arrived) {
    router_->on_message(arrived.packet->bytes, local_now());
    const auto& message = *arrived.packet;
    if (!message.edge.empty()) model_.heard_edge(message.edge);
    const auto stamped = stamp_believed(message);
    for (const auto& beat : message.beats) {
        Read read;
        read.collector = index_;
        read.arrived = arrived.at;
        read.from = turn_began_;
        read.to = now();
        read.sent = stamped ? *stamped : read.from;
        promises_about(beat).read(beat, arrived.at, stamped.value_or(now()), now());
        model_.read(beat, read);
        if (env_.trace.follows(user_name(beat.user)))
            trace("reads " + user_name(beat.user) + " session " + beat.edge + "/" + beat.session +
                  " ttl " + std::to_string(beat.ttl / 1000) + " ms, age " +
                  std::to_string(beat.age / 1000) + " ms" +
                  (beat.bye ? ", bye, lingers " + std::to_string(beat.linger / 1000) + " ms" : "") +
                  (beat.status ? ", status \"" + *beat.status + "\"" : "") +
                  (arrived.at + kTurnMax < now()
                       ? ", came " + std::to_string((now() - arrived.at) / 1000) + " ms ago"
                       : ""));
    }
}

// A clock that stood still makes its messages seem late: for two seconds, and for as long again if
// others were late before.
std::optional<Time> CollectorProcess::stamp_believed(const HeartbeatMessage& message) {
    if (!message.stamped) return std::nullopt;
    auto& known = stamps_[message.edge];
    const auto believe = [&] {
        known = {message.boot, message.stood_still, message.stood_still, now()};
    };
    if (known.boot != message.boot) believe();
    const Time late = message.stood_still - known.stood_still;
    if (late <= 0 || message.stood_still != known.newest) known.late_since = now();
    known.newest = message.stood_still;
    if (late <= tolerances::kLateUnnoticed || now() - known.late_since < tolerances::kLateDoubted)
        return *message.stamped - std::max(late, Time{0});
    believe();
    return message.stamped;
}

void CollectorProcess::check_bounds() {
    const auto counters = router_->counters();
    PRESENCE_CHECK(counters["backlog_rows"] <= shape_.backlog_max * shape_.trackers,
                   "a backlog outgrew its limit");
    // Of a link that is no more an acknowledgement may come still.
    PRESENCE_CHECK(counters["refused_acks"] == 0 || shape_.lists_change,
                   "the router refused an acknowledgement");
    PRESENCE_CHECK(counters["moved"] == 0 || shape_.lists_change, "rows went to the wrong tracker");
    if (counters["dropped"] > dropped_) {
        trace("gives up rows: " + std::to_string(counters["dropped"] - dropped_));
        model_.evidence().lost(index_, safe());
        dropped_ = counters["dropped"];
    }
}

void CollectorProcess::send() {
    for (const auto& outgoing : std::exchange(out_, {})) {
        PRESENCE_CHECK(outgoing.frame->size() <= kFrameBytesMax, "a frame is too large");
        const auto tracker = tracker_index(map_->trackers[outgoing.tracker]);
        note_sent(tracker, *outgoing.frame);
        to_tracker_(tracker, {outgoing.frame, boot_, Packet::Kind::plain});
    }
    if (const auto probe = router_->probe(local_now())) probe_ = probe;
}

void CollectorProcess::note_sent(std::size_t tracker, std::string_view frame) {
    PRESENCE_CHECK(decode_frame(frame, frame_) == FrameFault::none, "a frame cannot be read back");
    auto& sent = sent_[tracker];
    if (frame_.header.number <= sent.newest) return;
    sent.newest = frame_.header.number;
    if (const auto wrong = promises_[tracker].sent(frame_, clock()); !wrong.empty())
        model_.broken(name() + ": " + wrong);
    sent.under_way.push_back({sent.newest, clock().truth(micros(frame_.header.watermark))});
}

void CollectorProcess::note_acknowledged(std::size_t tracker, std::string_view bytes) {
    const auto ack = decode_ack(bytes);
    PRESENCE_CHECK(ack.has_value(), "an acknowledgement cannot be read");
    auto& sent = sent_[tracker];
    for (; !sent.under_way.empty() && sent.under_way.front().frame <= ack->applied;
         sent.under_way.pop_front())
        sent.safe = std::max(sent.safe, sent.under_way.front().watermark);
}

Time CollectorProcess::safe() const {
    Time least = kNever;
    for (std::size_t t = 0; t < sent_.size(); ++t)
        if (listed_[t]) least = std::min(least, sent_[t].safe);
    return least;
}

Time CollectorProcess::next_wakeup() {
    const bool reads = router_->input() == collector::ReadLease::State::open;
    if ((reads && !queue_.empty()) || !acks_.empty())
        return now() + random_.between(0, kTurnMax / 8);
    return when(router_->next_wakeup());
}

}  // namespace presence::simulation
