#include "tests/simulation/edge.hpp"

#include <algorithm>
#include <utility>

#include "common/wire/heartbeat.hpp"

namespace presence::simulation {

std::string user_name(std::size_t user) {
    return "u" + std::to_string(user);
}

Edge::Edge(Environment& env, std::size_t index, Random random, const Shape& shape,
           Send to_collector)
    : Process(env, Place::edge, "e" + std::to_string(index), random),
      shape_(shape),
      to_collector_(std::move(to_collector)),
      named_(random_.percent(70)),
      stamps_(named_ && random_.percent(80)),
      tells_age_(random_.percent(50)),
      flush_(random_.between(20, 150) * kMillisecond),
      batch_max_(random_.percent(25) ? 1 : 64),
      first_choice_(index % shape.collectors) {}

void Edge::boot() {
    ++boots_;
    seq_ = 0;
    next_flush_ = now() + flush_;
}

void Edge::die() {
    waiting_.clear();
    outgoing_.clear();
}

void Edge::add(Beat beat) {
    if (!up()) return;  // its connection is refused
    if (named_) beat.edge = name();
    waiting_.push_back({std::move(beat), clock().local(now())});
}

void Edge::decide() {
    if (now() < next_flush_) return;
    next_flush_ = now() + flush_;
    while (!waiting_.empty())
        outgoing_.push_back(next_message());
    if (named_ && outgoing_.empty() && now() - last_sent_ >= kSecond - 2 * flush_)
        outgoing_.push_back(next_message());
    if (!outgoing_.empty()) last_sent_ = now();
}

void Edge::send() {
    for (auto& packet : std::exchange(outgoing_, {}))
        to_collector_(next_collector(), std::move(packet));
}

HeartbeatPacket Edge::next_message() {
    auto message = std::make_shared<HeartbeatMessage>();
    std::vector<std::string> names;
    while (!waiting_.empty() && message->beats.size() < batch_max_) {
        auto [beat, since] = std::move(waiting_.front());
        waiting_.pop_front();
        if (tells_age_) beat.age += clock().local(now()) - since;
        names.push_back(user_name(beat.user));
        message->beats.push_back(std::move(beat));
    }
    std::vector<Heartbeat> beats;
    for (std::size_t i = 0; i < message->beats.size(); ++i) {
        const auto& beat = message->beats[i];
        Heartbeat item;
        item.user = names[i];
        item.session = beat.session;
        if (beat.status) item.status = *beat.status;
        if (beat.ttl != shape_.timeout) item.ttl_ms = static_cast<std::uint32_t>(beat.ttl / 1000);
        item.age_ms = static_cast<std::uint64_t>(beat.age / 1000);
        item.bye = beat.bye;
        if (beat.says_so) item.linger_ms = static_cast<std::uint32_t>(beat.linger / kMillisecond);
        beats.push_back(item);
    }
    Envelope envelope;
    if (named_) {
        envelope.edge = message->edge = name();
        envelope.boot = boots_;
        envelope.seq = ++seq_;
        if (stamps_) {
            envelope.sent_ms = static_cast<std::uint64_t>(clock().local(now()) / 1000);
            message->stamped = now();
            message->boot = boots_;
            message->stood_still = clock().stood_still();
        }
    }
    message->bytes = encode_heartbeats(envelope, beats);
    return message;
}

std::size_t Edge::next_collector() {
    if (shape_.sticky && reachable(first_choice_)) return first_choice_;
    for (std::size_t tried = 0; tried < shape_.collectors; ++tried) {
        next_collector_ = (next_collector_ + 1) % shape_.collectors;
        if (reachable(next_collector_)) break;
    }
    return next_collector_;
}

}  // namespace presence::simulation
