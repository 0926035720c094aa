#include "common/wire/rows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/check.hpp"
#include "common/limits.hpp"

namespace presence {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are copied as they are");

enum Flag : std::uint8_t {
    kEdge = 1,
    kSession = 2,
    kStatus = 4,
    kTtl = 8,
    kAge = 16,
    kBye = 32,
    kKnown = 63,
};

constexpr std::size_t kGroupHead = sizeof(std::int64_t) + sizeof(std::uint32_t);
constexpr std::size_t kRowHead = 2 + sizeof(std::uint64_t);
constexpr std::size_t kRowMax =
    kRowHead + kUserBytesMax + 3 * (1 + kNameBytesMax) + 2 * sizeof(std::uint32_t);

template <class T>
T load(const char* p) {
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

template <class T>
char* store(char* p, T value) {
    std::memcpy(p, &value, sizeof value);
    return p + sizeof value;
}

char* store_bytes(char* p, std::string_view bytes) {
    // An empty view may be a null pointer: to copy no bytes from there is undefined.
    if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
    return p + bytes.size();
}

// The head of a row but its flags, which are known last.
inline char* store_head(char* p, std::uint64_t hash, std::string_view user) {
    PRESENCE_CHECK(!user.empty() && user.size() <= kUserBytesMax,
                   "a row's user is validated before");
    p = store(store(p + 1, static_cast<std::uint8_t>(user.size())), hash);
    using Word = std::uint64_t;
    if (user.size() < sizeof(Word) || user.size() > 2 * sizeof(Word)) return store_bytes(p, user);
    // Two words that may overlap: a call to copy as little as most ids have takes longer.
    const std::size_t last = user.size() - sizeof(Word);
    store(p, load<Word>(user.data()));
    return store(p + last, load<Word>(user.data() + last));
}

char* store_name(char* p, std::string_view name) {
    PRESENCE_CHECK(name.size() <= kNameBytesMax, "a row's names are validated before");
    return store_bytes(store(p, static_cast<std::uint8_t>(name.size())), name);
}

// What is left of some bytes. Two pointers, as a string_view is copied as a whole, which waits
// until both its halves are written.
struct Left {
    const char* begin;
    const char* end;

    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end - begin); }
};

// Takes from the front; false if there is not enough.
template <class T>
bool take(Left& left, T& to) {
    if (left.size() < sizeof(T)) return false;
    to = load<T>(left.begin);
    left.begin += sizeof(T);
    return true;
}

bool take_name(Left& left, std::string_view& to) {
    std::uint8_t size = 0;
    if (!take(left, size) || size > kNameBytesMax || size > left.size()) return false;
    to = {left.begin, size};
    left.begin += size;
    return true;
}

bool take_options(Left& left, std::uint8_t flags, Row& row) {
    if ((flags & kSession) != 0 && !take_name(left, row.session)) return false;
    if ((flags & kStatus) != 0 && !take_name(left, row.status.emplace())) return false;
    if ((flags & kTtl) != 0 &&
        (!take(left, row.ttl_ms) || row.ttl_ms < kTtlMinMs || row.ttl_ms > kTtlMaxMs))
        return false;
    return (flags & kAge) == 0 || take(left, row.age_ms);
}

// `edge`: of the row before, which stays if this one names none.
bool take_row(Left& left, std::string_view& edge, Row& row) {
    if (left.size() < kRowHead) return false;
    const auto flags = load<std::uint8_t>(left.begin);
    const auto size = load<std::uint8_t>(left.begin + 1);
    if (flags > kKnown || size == 0 || size > kUserBytesMax || left.size() < kRowHead + size)
        return false;
    row.hash = load<std::uint64_t>(left.begin + 2);
    row.user = {left.begin + kRowHead, size};
    row.session = {};
    row.status.reset();
    row.ttl_ms = row.age_ms = 0;
    row.bye = (flags & kBye) != 0;
    left.begin += kRowHead + size;
    if ((flags & kEdge) != 0 && !take_name(left, edge)) return false;
    row.edge = edge;
    return (flags & ~kBye) == 0 || take_options(left, flags, row);
}

}  // namespace

inline char* RowGroups::next_row() {
    if (bytes_.size() - used_ < kGroupHead + kRowMax)
        bytes_.resize(2 * bytes_.size() + kGroupHead + kRowMax);
    char* const p = bytes_.data() + used_;
    if (open_at_ != kNoGroup) return p;
    open_at_ = used_;
    return p + kGroupHead;
}

inline char* RowGroups::store_edge(char* p, std::string_view edge, std::uint8_t& flags) {
    if (edge == last_edge_) return p;
    flags |= kEdge;
    last_edge_.assign(edge);
    return store_name(p, edge);
}

inline void RowGroups::end_row(const char* end) {
    used_ = static_cast<std::size_t>(end - bytes_.data());
    ++rows_;
}

void RowGroups::append(std::uint64_t hash, std::string_view user, const RowSource& source,
                       std::uint32_t age_ms) {
    char* const at = next_row();
    std::uint8_t flags = 0;
    char* p = store_head(at, hash, user);
    if (source.message != last_message_) {
        p = store_edge(p, source.edge, flags);
        last_message_ = source.message;
    }
    if (age_ms != 0) {
        flags |= kAge;
        p = store(p, age_ms);
    }
    store(at, flags);
    end_row(p);
}

void RowGroups::append(const Row& row) {
    char* const at = next_row();
    std::uint8_t flags = row.bye ? kBye : 0;
    last_message_ = 0;
    char* p = store_edge(store_head(at, row.hash, row.user), row.edge, flags);
    if (!row.session.empty()) {
        flags |= kSession;
        p = store_name(p, row.session);
    }
    if (row.status) {
        flags |= kStatus;
        p = store_name(p, *row.status);
    }
    if (row.ttl_ms != 0) {
        flags |= kTtl;
        p = store(p, row.ttl_ms);
    }
    if (row.age_ms != 0) {
        flags |= kAge;
        p = store(p, row.age_ms);
    }
    store(at, flags);
    end_row(p);
}

void RowGroups::close_group(PeerInstant read) {
    if (open_at_ == kNoGroup) return;
    const auto size = static_cast<std::uint32_t>(used_ - open_at_ - kGroupHead);
    store(store(bytes_.data() + open_at_, micros(read)), size);
    open_at_ = kNoGroup;
}

std::string RowGroups::take() {
    PRESENCE_CHECK(open_at_ == kNoGroup, "rows are stamped before they are sent");
    rows_ = 0;
    last_edge_.clear();
    last_message_ = 0;
    return bytes_.substr(0, std::exchange(used_, 0));
}

bool RowReader::next(Row& row) {
    first_ = at_ == group_end_;
    while (at_ == group_end_)
        if (!take_group()) return false;
    Left left{at_, group_end_};
    if (!take_row(left, edge_, row)) return false;
    at_ = left.begin;
    return true;
}

// False, and nothing taken, if there is none, or it is malformed.
bool RowReader::take_group() {
    Left left{at_, end_};
    std::int64_t read = 0;
    std::uint32_t size = 0;
    if (!take(left, read) || !take(left, size)) return false;
    if (!is_stamp(read) || size > left.size()) return false;
    read_ = PeerInstant{Duration{read}};
    read_last_ = std::max(read_last_, read_);
    at_ = left.begin;
    group_end_ = at_ + size;
    return true;
}

namespace {

void append_stamped(std::string& to, std::string_view name, PeerInstant at) {
    PRESENCE_CHECK(!name.empty() && name.size() <= kNameBytesMax, "a name is validated before");
    const auto us = micros(at);
    to += static_cast<char>(name.size());
    to += name;
    to.append(reinterpret_cast<const char*>(&us), sizeof us);
}

// fn(name, time) for each. False if they are malformed.
template <class Fn>
bool each_stamped(std::string_view bytes, const Fn& fn) {
    Left left{bytes.data(), bytes.data() + bytes.size()};
    while (left.size() > 0) {
        std::string_view name;
        std::int64_t us = 0;
        if (!take_name(left, name) || name.empty() || !take(left, us) || !is_stamp(us))
            return false;
        fn(name, PeerInstant{Duration{us}});
    }
    return true;
}

}  // namespace

void append_lease(std::string& leases, const Lease& lease) {
    append_stamped(leases, lease.edge, lease.read);
}

bool decode_leases(std::string_view bytes, std::vector<Lease>& out) {
    return each_stamped(bytes, [&](std::string_view edge, PeerInstant read) {
        out.push_back({edge, read});
    });
}

void append_sighting(std::string& sightings, std::string_view collector, PeerInstant seen) {
    append_stamped(sightings, collector, seen);
}

bool decode_sightings(std::string_view bytes, std::vector<Sighting>& out) {
    return each_stamped(bytes, [&](std::string_view collector, PeerInstant seen) {
        out.push_back({std::string(collector), seen});
    });
}

std::string encode_sightings(const std::vector<Sighting>& sightings) {
    std::string bytes;
    for (const auto& [collector, seen] : sightings)
        append_sighting(bytes, collector, seen);
    return bytes;
}

}  // namespace presence
