#include "cli/bench/events.hpp"

#include <utility>

#include "common/io/clock.hpp"
#include "common/io/sockets.hpp"
#include "common/wire/batch.hpp"

namespace presence::cli {

BenchEvents::BenchEvents(zmq::context_t& context, const std::vector<std::string>& endpoints)
    : heard_from_(endpoints.size()) {
    for (const auto& endpoint : endpoints) {
        sockets_.push_back(io::make_socket(context, io::Role::events_in, endpoint));
        sockets_.back().set(zmq::sockopt::subscribe, kTopicBatch);
        sockets_.back().set(zmq::sockopt::subscribe, kTopicTick);
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

std::vector<BenchEvents::Message> BenchEvents::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
}

void BenchEvents::run(const std::stop_token& stop) {
    std::vector<zmq::pollitem_t> items;
    for (auto& socket : sockets_)
        items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
    while (!stop.stop_requested()) {
        io::poll(items, 100ms);
        for (std::size_t tracker = 0; tracker < sockets_.size(); ++tracker)
            if (items[tracker].revents != 0) drain(tracker);
    }
}

void BenchEvents::drain(std::size_t tracker) {
    zmq::message_t topic;
    zmq::message_t body;
    while (io::receive(sockets_[tracker], topic)) {
        if (!topic.more() || !io::receive(sockets_[tracker], body)) continue;
        const Instant received = io::now();
        if (!heard_from_[tracker]) {
            heard_from_[tracker] = true;
            ++heard_;
        }
        if (topic.to_string_view() != kTopicBatch) continue;
        const std::lock_guard lock(mutex_);
        messages_.push_back({tracker, body.to_string(), received});
    }
}

}  // namespace presence::cli
