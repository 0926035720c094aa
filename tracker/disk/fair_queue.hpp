#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace presence::tracker {

// What peers want done, served in turn: one of each who waits, then the next of each. A peer that
// asks much waits for itself; another one waits for one turn of those who were there before.
//
// Pure. Memory: `peer_max` items of `peers_max` peers.
template <class Item>
class FairQueue {
public:
    FairQueue(std::size_t peers_max, std::size_t peer_max)
        : peers_max_(peers_max), peer_max_(peer_max) {}

    // False: as many of this peer, or as many peers, wait already.
    [[nodiscard]] bool push(const std::string& peer, Item item) {
        auto at = waiting_.find(peer);
        if (at == waiting_.end()) {
            if (waiting_.size() >= peers_max_ || peer_max_ == 0) return false;
            at = waiting_.emplace(peer, std::deque<Item>{}).first;
            turns_.push_back(at);
        } else if (at->second.size() >= peer_max_) {
            return false;
        }
        at->second.push_back(std::move(item));
        return true;
    }

    [[nodiscard]] bool empty() const { return turns_.empty(); }
    // The next to be served. Must not be empty.
    [[nodiscard]] const Item& front() const { return turns_.front()->second.front(); }
    Item pop() {
        const auto peer = turns_.front();
        turns_.pop_front();
        Item item = std::move(peer->second.front());
        peer->second.pop_front();
        if (peer->second.empty())
            waiting_.erase(peer);
        else
            turns_.push_back(peer);
        return item;
    }

private:
    using Waiting = std::map<std::string, std::deque<Item>>;

    std::size_t peers_max_, peer_max_;
    Waiting waiting_;                               // who waits, each with one item at least
    std::deque<typename Waiting::iterator> turns_;  // each of them once, whose turn is next first
};

}  // namespace presence::tracker
