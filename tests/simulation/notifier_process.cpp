#include "tests/simulation/notifier_process.hpp"

#include <algorithm>
#include <utility>

#include "common/check.hpp"
#include "tests/simulation/lists.hpp"
#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {

namespace {
constexpr std::size_t kMessagesPerTurn = 200;
constexpr std::size_t kMessagesSlow = 5;
constexpr std::size_t kPublicationsMax = 400;
constexpr std::size_t kAnswersMax = 2'000;
constexpr int kRidBits = 40;
}  // namespace

NotifierProcess::NotifierProcess(Environment& env, std::size_t index, Random random,
                                 const Shape& shape, const SlotMap& map, Model& model,
                                 SendPacket ask)
    : Process(env, Place::notifier, "n" + std::to_string(index), random),
      index_(index),
      shape_(shape),
      map_(&map),
      ask_(std::move(ask)) {
    for (std::size_t i = 0; i < shape_.sinks; ++i)
        sinks_.push_back(std::make_unique<SimulatedSink>(env, index * shape_.sinks + i,
                                                         random_.fork(), shape, model));
}

// As an operator does: the list is read when it starts.
void NotifierProcess::adopt(const SlotMap& map) {
    constexpr Time kAway = 50 * kMillisecond;
    env_.coverage.met(Fault::reload, Place::notifier);
    trace("gets list " + std::to_string(map.version));
    if (map.version <= map_->version) return;
    map_ = &map;
    if (up()) crash(now() + kAway, false);
}

std::optional<std::size_t> NotifierProcess::followed(std::size_t tracker) const {
    const auto it = std::find(map_->trackers.begin(), map_->trackers.end(), tracker_name(tracker));
    if (it == map_->trackers.end()) return std::nullopt;
    return static_cast<std::size_t>(it - map_->trackers.begin());
}

void NotifierProcess::boot() {
    boot_ = static_cast<std::uint64_t>(now()) + 1;
    FollowerOptions options;
    options.trackers = map_->trackers;
    notifier::Delivery::Options delivery;
    delivery.queue_max = shape_.queue_max;
    delivery.retries.chunk_max = shape_.chunk_max;
    delivery.retries.backoff_max = Duration{tolerances::kPause};
    delivery.retries.attempts_max = shape_.attempts_max;
    for (auto& sink : sinks_) {
        options.first_rid = (std::uint64_t{deliveries_.size()} << kRidBits) + 1;
        deliveries_.emplace_back(delivery, options, *map_, random_.next());
        sink->restart(deliveries_.back());
    }
}

void NotifierProcess::die() {
    for (auto& sink : sinks_)
        sink->die();
    deliveries_.clear();
    publications_.clear();
    answers_.clear();
    turn_publications_.clear();
    turn_answers_.clear();
    questions_.clear();
}

void NotifierProcess::on_publication(std::size_t tracker, const Packet& packet) {
    // What does not fit is lost, as at a publisher's limit: the numbers have to show it.
    const auto index = followed(tracker);
    if (!up() || !index || publications_.size() >= kPublicationsMax) return;
    publications_.push_back({*index, packet});
    wake_soon();
}

void NotifierProcess::on_answer(std::size_t tracker, const Packet& packet) {
    const auto index = followed(tracker);
    if (!up() || !index || packet.connection != boot_ || answers_.size() >= kAnswersMax) return;
    answers_.push_back({*index, packet});
    wake_soon();
}

void NotifierProcess::receive() {
    const auto take = [this](auto& from, auto& to) {
        while (!from.empty() && to.size() < (slow() ? kMessagesSlow : kMessagesPerTurn)) {
            to.push_back(std::move(from.front()));
            from.pop_front();
        }
    };
    take(publications_, turn_publications_);
    take(answers_, turn_answers_);
}

void NotifierProcess::decide() {
    const auto at = local_now();
    for (const auto& [tracker, packet] : turn_answers_) {
        const auto heard = message_of_answer(tracker, *packet.bytes);
        PRESENCE_CHECK(heard != nullptr, "a tracker's answer cannot be read");
        const auto rid = std::get<Answer>(heard->message).rid.value_or(0);
        deliveries_.at(rid >> kRidBits).on_heard(heard);
    }
    for (const auto& [tracker, packet] : turn_publications_) {
        const auto& id = map_->trackers[tracker];
        const auto heard = packet.kind == Packet::Kind::batch
                               ? message_of_batch(tracker, id, *packet.bytes)
                               : message_of_tick(tracker, id, *packet.bytes);
        PRESENCE_CHECK(heard != nullptr, "a tracker's message cannot be read");
        for (auto& delivery : deliveries_)
            delivery.on_heard(heard);
    }
    turn_publications_.clear();
    turn_answers_.clear();

    for (std::size_t i = 0; i < sinks_.size(); ++i) {
        auto& delivery = deliveries_[i];
        sinks_[i]->take_answer(delivery, at);
        delivery.turn(at, clock().wall(), questions_);
        // Of a tracker that goes by another list a batch may have slots of others.
        PRESENCE_CHECK(delivery.follower().counters()["refused"] == 0 || shape_.lists_change,
                       "the follower refused what a tracker sent");
        // What came, and the snapshots that were asked for.
        PRESENCE_CHECK(delivery.counters()["waiting"] <= shape_.queue_max + 16 * shape_.users,
                       "what waits for a sink outgrew its limit");
    }
}

void NotifierProcess::send() {
    for (auto& question : questions_)
        ask_(tracker_index(map_->trackers[question.tracker]),
             packet_of(std::move(question.bytes), boot_));
    questions_.clear();
    for (std::size_t i = 0; i < sinks_.size(); ++i)
        sinks_[i]->pump(
            deliveries_[i], local_now(), [this] { return disk_delay(); }, [this] { wake_soon(); });
}

Time NotifierProcess::next_wakeup() {
    if (!publications_.empty() || !answers_.empty()) return now() + 10;
    auto wakeup = Instant::max();
    for (const auto& delivery : deliveries_)
        wakeup = std::min(wakeup, delivery.next_wakeup());
    return when(wakeup);
}

}  // namespace presence::simulation
