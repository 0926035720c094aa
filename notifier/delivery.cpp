#include "notifier/delivery.hpp"

#include <algorithm>
#include <iterator>

#include "common/check.hpp"

namespace presence::notifier {

namespace {

std::uint64_t hash_of_status(const std::optional<std::string>& status) {
    return status ? hash_of(*status) | 1 : 0;
}

}  // namespace

Delivery::Delivery(Options options, std::uint64_t seed)
    : options_(options), backoff_(options.backoff_first, options.backoff_max, seed) {}

void Delivery::on_event(const Event& event) {
    if (!behind_ && queue_.size() + unconfirmed_.size() < options_.queue_max) {
        enqueue(event);
        return;
    }
    if (!behind_) ++stats_.overflows;
    behind_ = true;
    ++stats_.given_up;
    if (const auto told = online_.find(event.user); told != online_.end()) {
        told->second.epoch = event.epoch;
        told->second.seq = event.seq;
        told->second.at_ms = event.at_ms;
    }
}

void Delivery::enqueue(Event event) {
    if (event.state == State::online)
        online_.insert_or_assign(
            event.user, Told{hash_of_status(event.status), event.slot, comparison_, event.epoch,
                             event.seq, event.at_ms});
    else
        online_.erase(event.user);
    queue_.push_back(std::move(event));
}

// That the user left, where the event which said so was given up: in its place in the order.
Event Delivery::offline_difference(const std::string& user, const Told& told) {
    Event event;
    event.user = user;
    event.state = State::offline;
    event.reason = name_of(Reason::reconcile);
    event.at_ms = told.at_ms;
    event.slot = told.slot;
    event.epoch = told.epoch;
    event.seq = told.seq;
    event.reconciled = true;
    return event;
}

std::vector<Event> Delivery::next(Instant now, const Follower& truth) {
    if (outstanding_ || now < not_before_) return {};
    if (unconfirmed_.empty()) {
        if (queue_.empty() && behind_) compare(truth);
        const auto end = queue_.begin() +
                         static_cast<std::ptrdiff_t>(std::min(queue_.size(), options_.chunk_max));
        std::move(queue_.begin(), end, std::back_inserter(unconfirmed_));
        queue_.erase(queue_.begin(), end);
    }
    outstanding_ = !unconfirmed_.empty();
    return unconfirmed_;
}

// Queues at most queue_max differences; more are left for the next comparison.
void Delivery::compare(const Follower& truth) {
    ++comparison_;
    bool all = true;
    const auto room = [&] {
        all = all && queue_.size() < options_.queue_max;
        return all;
    };
    truth.each_online([&](const Event& event) {
        const auto told = online_.find(event.user);
        if (told != online_.end()) told->second.seen = comparison_;
        const bool same =
            told != online_.end() && told->second.status == hash_of_status(event.status);
        if (!same && room()) enqueue(event);
    });
    for (auto told = online_.begin(); told != online_.end();) {
        const auto next = std::next(told);
        if (told->second.seen != comparison_ && room())
            enqueue(offline_difference(told->first, told->second));
        told = next;
    }
    behind_ = !all;
}

void Delivery::on_delivered() {
    PRESENCE_CHECK(outstanding_, "nothing was handed out");
    outstanding_ = false;
    stats_.delivered += unconfirmed_.size();
    unconfirmed_.clear();
    backoff_.reset();
    not_before_ = {};
}

void Delivery::on_failed(Instant now, Duration retry_after) {
    PRESENCE_CHECK(outstanding_, "nothing was handed out");
    outstanding_ = false;
    ++stats_.failures;
    not_before_ = now + std::max(backoff_.next(), retry_after);
}

Instant Delivery::next_wakeup() const {
    return outstanding_ || idle() ? Instant::max() : not_before_;
}

Delivery::Stats Delivery::stats() const {
    auto stats = stats_;
    stats.waiting = queue_.size() + unconfirmed_.size();
    stats.behind = behind_;
    return stats;
}

bool Delivery::idle() const {
    return queue_.empty() && unconfirmed_.empty() && !behind_;
}

}  // namespace presence::notifier
