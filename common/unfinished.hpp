#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/peer_connection.hpp"

namespace presence {

// Finds connections that send a message without an end. libzmq counts whole messages against its
// high-water mark, and bounds the bytes of a part, not the number of parts: what is not whole it
// keeps, however much it is. So a connection is unwelcome that has sent more than `bytes_max`,
// with none of its messages received since, although all that was whole has been received; or so
// much more, while nothing was received at all, that not all of it can be whole.
//
// `bytes_max` is above what one good message may have. Some bytes come without a message (pings,
// and to XPUB topics that others subscribe to as well): `free_bytes` of each look are not counted,
// so one that sends no more than those may go on.
//
// Of one bound socket. Pure: the caller looks again and again and tells what it finds.
class Unfinished {
public:
    struct Limits {
        std::uint64_t bytes_max = 0;
        // Of all that is whole and may wait for a socket that is not read.
        std::uint64_t queue_bytes_max = 0;
        std::uint64_t free_bytes = 100;
    };
    explicit Unfinished(Limits limits) : limits_(limits) {}

    // A message was received whole over this descriptor. It need not be told of each one.
    void on_message(int fd) {
        const auto at = streams_.find(fd);
        if (at != streams_.end()) at->second.heard = true;
    }
    // All that was whole has been received.
    void on_empty() { ++emptied_; }

    // Connections there are now, some or all, with the bytes that libzmq has read of each so far.
    // Appends those that are unwelcome.
    struct Seen {
        PeerConnection connection;
        std::uint64_t bytes = 0;
    };
    void look(std::span<const Seen> seen, std::vector<PeerConnection>& unwelcome) {
        for (const auto& [connection, bytes] : seen) {
            auto& stream = streams_[connection.fd];
            if (stream.cookie != connection.cookie) stream = {connection.cookie, bytes, false, {}};
            if (stream.heard) stream = {connection.cookie, bytes, false, {}};
            stream.counted_from = std::min(stream.counted_from + limits_.free_bytes, bytes);
            const auto held = bytes - stream.counted_from;
            if (held <= limits_.bytes_max)
                stream.over_at = {};
            else if (!stream.over_at)
                stream.over_at = emptied_;
            else if (emptied_ > *stream.over_at + 1)  // one may have begun before it was over
                unwelcome.push_back(connection);
            else if (held > limits_.bytes_max + limits_.queue_bytes_max)
                unwelcome.push_back(connection);
        }
    }
    // These are all there are; what was known of others is forgotten.
    void keep(const std::vector<int>& fds_sorted) {
        std::erase_if(streams_, [&](const auto& one) {
            return !std::binary_search(fds_sorted.begin(), fds_sorted.end(), one.first);
        });
    }

private:
    struct Stream {
        std::uint64_t cookie = 0;
        std::uint64_t counted_from = 0;        // bytes
        bool heard = false;                    // since the last look
        std::optional<std::uint64_t> over_at;  // `emptied_` when it was found to have too many
    };

    Limits limits_;
    std::uint64_t emptied_ = 0;  // so often
    std::unordered_map<int, Stream> streams_;
};

}  // namespace presence
