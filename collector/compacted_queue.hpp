#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/secret_hash.hpp"
#include "common/wire/frame.hpp"

namespace presence::collector {

// Rows for a tracker that cannot take them now: of each session the newest heartbeat, and beside it
// the newest that told a status and the newest bye, which therefore no heartbeat displaces. Owns
// what it keeps.
class CompactedQueue {
public:
    explicit CompactedQueue(std::size_t rows_max) : rows_max_(rows_max) {}

    enum class Put { added, merged, refused };
    // `merged`: of this and the one of its kind kept before, the newer stays. `refused`: there is
    // no room.
    Put put(const Row& row, PeerInstant read);

    // Hands over and forgets the row that was put longest ago: fn(row, read). Requires: not empty.
    template <class Fn>
    void take(Fn&& fn) {
        const Entry& entry = entries_.front();
        fn(entry.row(), entry.read);
        by_key_.erase(entry.key);
        entries_.pop_front();
    }
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const { return by_key_.size(); }

private:
    struct Entry {
        std::string key;  // as made by key_of()
        std::optional<std::string> status;
        std::uint64_t hash = 0;
        PeerInstant read{};
        std::uint32_t ttl_ms = 0;
        std::uint32_t age_ms = 0;

        void set(const Row& row, PeerInstant at);
        [[nodiscard]] Row row() const;
        [[nodiscard]] PeerInstant time() const { return read - std::chrono::milliseconds{age_ms}; }
    };

    [[nodiscard]] const std::string& key_of(const Row& row);

    std::size_t rows_max_;
    std::list<Entry> entries_;  // in the order of the last put
    std::unordered_map<std::string_view, std::list<Entry>::iterator, SecretHash> by_key_;
    std::string key_;  // scratch
};

}  // namespace presence::collector
