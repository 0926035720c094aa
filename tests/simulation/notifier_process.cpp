#include "tests/simulation/notifier_process.hpp"

#include <algorithm>
#include <utility>

#include "common/check.hpp"

namespace presence::simulation {

namespace {
constexpr std::size_t kMessagesPerTurn = 200;
constexpr std::size_t kPublicationsMax = 400;
constexpr std::size_t kAnswersMax = 2'000;
}  // namespace

NotifierProcess::NotifierProcess(Environment& env, std::size_t index, Random random,
                                 const Shape& shape, const SlotMap& map, Model& model,
                                 SendPacket ask)
    : Process(env, Place::notifier, "n" + std::to_string(index), random),
      index_(index),
      shape_(shape),
      map_(map),
      ask_(std::move(ask)) {
    for (std::size_t i = 0; i < shape_.sinks; ++i)
        sinks_.push_back(std::make_unique<SimulatedSink>(env, index * shape_.sinks + i,
                                                         random_.fork(), shape, model));
}

void NotifierProcess::boot() {
    boot_ = static_cast<std::uint64_t>(now()) + 1;
    notifier::FollowerOptions options;
    options.trackers = map_.trackers;
    follower_.emplace(options, map_);
    notifier::Delivery::Options delivery;
    delivery.queue_max = shape_.queue_max;
    delivery.chunk_max = shape_.chunk_max;
    delivery.backoff_max = Duration{kSecond};
    for (auto& sink : sinks_) {
        deliveries_.emplace_back(delivery, random_.next());
        sink->restart();
    }
}

void NotifierProcess::die() {
    follower_.reset();
    deliveries_.clear();
    publications_.clear();
    answers_.clear();
    turn_publications_.clear();
    turn_answers_.clear();
    events_.clear();
    questions_.clear();
}

void NotifierProcess::on_publication(std::size_t tracker, const Packet& packet) {
    // What does not fit is lost, as at a publisher's limit: the numbers have to show it.
    if (!up() || publications_.size() >= kPublicationsMax) return;
    publications_.push_back({tracker, packet});
    wake_soon();
}

void NotifierProcess::on_answer(std::size_t tracker, const Packet& packet) {
    if (!up() || packet.connection != boot_ || answers_.size() >= kAnswersMax) return;
    answers_.push_back({tracker, packet});
    wake_soon();
}

void NotifierProcess::receive() {
    const auto take = [](auto& from, auto& to) {
        while (!from.empty() && to.size() < kMessagesPerTurn) {
            to.push_back(std::move(from.front()));
            from.pop_front();
        }
    };
    take(publications_, turn_publications_);
    take(answers_, turn_answers_);
}

void NotifierProcess::decide() {
    const auto at = local_now();
    for (const auto& [tracker, packet] : turn_answers_)
        follower_->on_answer(tracker, *packet.bytes, at, clock().wall());
    for (const auto& [tracker, packet] : turn_publications_) {
        if (packet.kind == Packet::Kind::batch)
            follower_->on_batch(tracker, *packet.bytes, at);
        else
            follower_->on_tick(tracker, *packet.bytes, at);
    }
    turn_publications_.clear();
    turn_answers_.clear();

    follower_->end_turn(at, clock().wall(), events_, questions_);
    PRESENCE_CHECK(follower_->stats().refused == 0, "the follower refused what a tracker sent");
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
        for (const auto& event : events_)
            deliveries_[i].on_event(event);
        sinks_[i]->take_answer(deliveries_[i], at);
        PRESENCE_CHECK(deliveries_[i].stats().waiting <= shape_.queue_max + shape_.chunk_max,
                       "a sink's queue outgrew its limit");
    }
    for (const auto& event : events_)
        if (env_.trace.follows(event.user))
            trace("passes on " + id_of(event) + " " + event.user + " " +
                  std::string(name_of(event.state)) + " (" + event.reason + ")");
    events_.clear();
}

void NotifierProcess::send() {
    for (auto& question : questions_)
        ask_(question.tracker, packet_of(std::move(question.bytes), boot_));
    questions_.clear();
    for (std::size_t i = 0; i < sinks_.size(); ++i)
        sinks_[i]->pump(deliveries_[i], local_now(), *follower_, [this] { wake_soon(); });
}

Time NotifierProcess::next_wakeup() {
    if (!publications_.empty() || !answers_.empty()) return now() + 10;
    auto wakeup = follower_->next_wakeup();
    for (const auto& delivery : deliveries_)
        wakeup = std::min(wakeup, delivery.next_wakeup());
    return when(wakeup);
}

}  // namespace presence::simulation
