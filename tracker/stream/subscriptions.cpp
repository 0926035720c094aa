#include "tracker/stream/subscriptions.hpp"

#include <algorithm>

namespace presence::tracker {

namespace {

bool touches_users(std::string_view prefix) {
    return prefix.starts_with(kTopicUserPrefix) || kTopicUserPrefix.starts_with(prefix);
}

// All of one user: `user/<id>` and a zero.
bool is_wide(std::string_view prefix) {
    return !prefix.ends_with('\0');
}

}  // namespace

void Subscriptions::on_message(const PeerConnection& from, std::string_view message) {
    Told told;
    const bool good = read(message, told);
    if (good && told.subscribed)
        subscribe(from, told.topic);
    else if (good)
        unsubscribe(told.topic);
    else if (from.cookie != 0)
        end(*peers_.try_emplace(from.cookie, Peer{from.fd}).first, "no_subscription");
}

void Subscriptions::on_empty() {
    for (const auto cookie : std::exchange(ended_, {}))
        if (const auto at = peers_.find(cookie); at != peers_.end() && at->second.topics == 0)
            peers_.erase(at);
}

void Subscriptions::subscribe(const PeerConnection& from, std::string_view topic) {
    if (!topics_.emplace(topic, from.cookie).second) return;
    if (from.cookie != 0)
        count(topic, peers_.try_emplace(from.cookie, Peer{from.fd}).first->second, true);
    if (touches_users(topic)) {
        ++of_users_;
        if (is_wide(topic)) ++wide_;
    }
    while (count_ > limits_.topics_max || bytes_ > limits_.bytes_max)
        end_greatest();
}

void Subscriptions::unsubscribe(std::string_view topic) {
    const auto at = topics_.find(std::string(topic));
    if (at == topics_.end()) return;  // libzmq also passes on what nobody had subscribed to
    if (touches_users(topic)) {
        --of_users_;
        if (is_wide(topic)) --wide_;
    }
    const auto peer = peers_.find(at->second);
    topics_.erase(at);
    if (peer == peers_.end()) return;
    count(topic, peer->second, false);
    if (peer->second.topics == 0) peers_.erase(peer);
}

void Subscriptions::count(std::string_view topic, Peer& peer, bool more) {
    const auto add = [&](std::size_t& to, std::size_t n) { more ? to += n : to -= n; };
    add(peer.topics, 1);
    add(peer.bytes, topic.size());
    if (peer.unwelcome) return;
    add(count_, 1);
    add(bytes_, topic.size());
}

void Subscriptions::end(Peers::value_type& entry, const char* why) {
    auto& [cookie, peer] = entry;
    if (peer.unwelcome) return;
    peer.unwelcome = true;
    count_ -= peer.topics;
    bytes_ -= peer.bytes;
    ended_.push_back(cookie);
    unwelcome_.push_back({{cookie, peer.fd}, why});
}

void Subscriptions::end_greatest() {
    const auto weight = [](const Peers::value_type& entry) {
        return entry.second.unwelcome ? 0 : entry.second.bytes + entry.second.topics;
    };
    end(*std::max_element(peers_.begin(), peers_.end(),
                          [&](const auto& a, const auto& b) { return weight(a) < weight(b); }),
        "too_many_topics");
}

}  // namespace presence::tracker
