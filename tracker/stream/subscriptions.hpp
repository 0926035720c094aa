#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/peer_connection.hpp"
#include "common/secret_hash.hpp"
#include "common/wire/batch.hpp"

namespace presence::tracker {

// The topics that anyone subscribes to, as XPUB tells them: the first subscriber of a topic comes,
// the last one goes. So nothing is encoded for nobody, and nobody brings more than libzmq can hold:
// it keeps topics as a tree of their bytes, at some 30 times their length, and walks through the
// whole of it whenever a subscriber goes.
//
// A connection is unwelcome that sends anything but subscriptions; and while there are too many
// topics, the one that brought most of them. Topics of one that is unwelcome count no longer: it is
// about to go.
//
// Pure. Memory: the topics and their connections; of an unknown one they are not bounded.
class Subscriptions {
public:
    struct Limits {
        std::size_t topics_max = 100'000;
        std::size_t bytes_max = std::size_t{4} << 20;  // of all topics
    };
    Subscriptions() = default;
    explicit Subscriptions(Limits limits) : limits_(limits) {}

    // What came to XPUB. Nothing known of `from`: libzmq itself tells that a subscriber has gone.
    // The topic, and whether it is subscribed to; nothing if it is no subscription.
    struct Told {
        std::string_view topic;
        bool subscribed = false;
    };
    static bool read(std::string_view message, Told& told) {
        if (message.empty() || (message[0] != '\0' && message[0] != '\1')) return false;
        told = {message.substr(1), message[0] == '\1'};
        return true;
    }
    void on_message(const PeerConnection& from, std::string_view message);
    // All that came was read.
    void on_empty();
    // Who became unwelcome since the last call.
    [[nodiscard]] std::vector<Unwelcome> take_unwelcome() { return std::exchange(unwelcome_, {}); }

    [[nodiscard]] std::size_t topics() const { return topics_.size(); }
    // Anyone listens to some `user/` topic, or to this one. May say yes for nobody, never no for
    // somebody: the socket filters again.
    [[nodiscard]] bool any() const { return of_users_ > 0; }
    [[nodiscard]] bool wants(const std::string& topic) const {
        return wide_ > 0 || topics_.contains(topic);
    }

private:
    struct Peer {
        int fd = -1;
        bool unwelcome = false;
        std::size_t topics = 0, bytes = 0;  // brought by it, and still there
    };
    using Peers = std::unordered_map<std::uint64_t, Peer>;  // by cookie

    void subscribe(const PeerConnection& from, std::string_view topic);
    void unsubscribe(std::string_view topic);
    void count(std::string_view topic, Peer& peer, bool more);
    void end(Peers::value_type& peer, const char* why);
    void end_greatest();

    Limits limits_{};
    // To the cookie of who brought it.
    std::unordered_map<std::string, std::uint64_t, SecretHash> topics_;
    Peers peers_;
    std::vector<std::uint64_t> ended_;   // as unwelcome, since all was read
    std::size_t count_ = 0, bytes_ = 0;  // of topics, but for those of the unwelcome
    std::size_t of_users_ = 0;           // topics that touch `user/`
    std::size_t wide_ = 0;               // of them, those that match many
    std::vector<Unwelcome> unwelcome_;
};

}  // namespace presence::tracker
