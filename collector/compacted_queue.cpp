#include "collector/compacted_queue.hpp"

#include "common/bugs.hpp"

namespace presence::collector {
namespace {

// Kind, length of the user, length of the session; then user, session, edge.
constexpr std::size_t kKeyHead = 3;

enum Kind : char { kBeat, kBye, kStatus };

Kind kind_of(const Row& row) {
    return row.bye && !bug(Bug::bye_displaced) ? kBye : row.status ? kStatus : kBeat;
}

}  // namespace

CompactedQueue::Put CompactedQueue::put(const Row& row, PeerInstant read) {
    const auto& key = key_of(row);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
        Entry& entry = *found->second;
        if (read - std::chrono::milliseconds{row.age_ms} < entry.time()) return Put::merged;
        entry.set(row, read);
        entries_.splice(entries_.end(), entries_, found->second);
        return Put::merged;
    }
    if (entries_.size() >= rows_max_) return Put::refused;
    Entry& entry = entries_.emplace_back();
    entry.key = key;
    entry.set(row, read);
    by_key_.emplace(entry.key, std::prev(entries_.end()));
    return Put::added;
}

void CompactedQueue::Entry::set(const Row& from, PeerInstant at) {
    status = from.status;
    hash = from.hash;
    read = at;
    ttl_ms = from.ttl_ms;
    age_ms = from.age_ms;
}

Row CompactedQueue::Entry::row() const {
    const auto length = [&](std::size_t at) { return static_cast<unsigned char>(key[at]); };
    const std::string_view texts = std::string_view(key).substr(kKeyHead);
    Row row;
    row.hash = hash;
    row.user = texts.substr(0, length(1));
    row.session = texts.substr(length(1), length(2));
    row.edge = texts.substr(std::size_t{length(1)} + length(2));
    row.status = status;
    row.ttl_ms = ttl_ms;
    row.age_ms = age_ms;
    row.bye = key[0] == kBye;
    return row;
}

const std::string& CompactedQueue::key_of(const Row& row) {
    key_.assign(
        {kind_of(row), static_cast<char>(row.user.size()), static_cast<char>(row.session.size())});
    key_.append(row.user).append(row.session).append(row.edge);
    return key_;
}

}  // namespace presence::collector
