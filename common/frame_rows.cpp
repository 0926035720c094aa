#include "common/frame_rows.hpp"

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
    std::memcpy(p, bytes.data(), bytes.size());
    return p + bytes.size();
}

char* store_name(char* p, std::string_view name) {
    PRESENCE_CHECK(name.size() <= kNameBytesMax, "a row's names are validated before");
    return store_bytes(store(p, static_cast<std::uint8_t>(name.size())), name);
}

// Takes from the front of `left`; false if there is not enough.
template <class T>
bool take(std::string_view& left, T& to) {
    if (left.size() < sizeof(T)) return false;
    to = load<T>(left.data());
    left.remove_prefix(sizeof(T));
    return true;
}

bool take_name(std::string_view& left, std::string_view& to) {
    std::uint8_t size = 0;
    if (!take(left, size) || size > kNameBytesMax || size > left.size()) return false;
    to = left.substr(0, size);
    left.remove_prefix(size);
    return true;
}

bool take_options(std::string_view& left, std::uint8_t flags, std::string_view& edge, Row& row) {
    if ((flags & kEdge) != 0 && !take_name(left, edge)) return false;
    if ((flags & kSession) != 0 && !take_name(left, row.session)) return false;
    if ((flags & kStatus) != 0 && !take_name(left, row.status.emplace())) return false;
    if ((flags & kTtl) != 0 &&
        (!take(left, row.ttl_ms) || row.ttl_ms < kTtlMinMs || row.ttl_ms > kTtlMaxMs))
        return false;
    return (flags & kAge) == 0 || take(left, row.age_ms);
}

bool take_row(std::string_view& left, std::string_view& edge, Row& row) {
    if (left.size() < kRowHead) return false;
    const auto flags = load<std::uint8_t>(left.data());
    const auto size = load<std::uint8_t>(left.data() + 1);
    if (flags > kKnown || size == 0 || size > kUserBytesMax || left.size() < kRowHead + size)
        return false;
    row.hash = load<std::uint64_t>(left.data() + 2);
    row.user = left.substr(kRowHead, size);
    row.bye = (flags & kBye) != 0;
    left.remove_prefix(kRowHead + size);
    if ((flags & ~kBye) != 0 && !take_options(left, flags, edge, row)) return false;
    row.edge = edge;
    return true;
}

}  // namespace

void RowGroups::append(const Row& row) {
    PRESENCE_CHECK(!row.user.empty() && row.user.size() <= kUserBytesMax,
                   "a row's user is validated before");
    if (bytes_.size() - used_ < kGroupHead + kRowMax)
        bytes_.resize(2 * bytes_.size() + kGroupHead + kRowMax);
    char* p = bytes_.data() + used_;
    if (open_at_ == kNoGroup) {
        open_at_ = used_;
        p += kGroupHead;
    }
    char* flags_at = p;
    std::uint8_t flags = row.bye ? kBye : 0;
    p = store(p + 1, static_cast<std::uint8_t>(row.user.size()));
    p = store_bytes(store(p, row.hash), row.user);
    if (row.edge != last_edge_) {
        flags |= kEdge;
        p = store_name(p, row.edge);
        last_edge_.assign(row.edge);
    }
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
    store(flags_at, flags);
    used_ = static_cast<std::size_t>(p - bytes_.data());
    ++rows_;
}

void RowGroups::close_group(PeerInstant read) {
    if (open_at_ == kNoGroup) return;
    const auto size = static_cast<std::uint32_t>(used_ - open_at_ - kGroupHead);
    store(store(bytes_.data() + open_at_, micros(read)), size);
    open_at_ = kNoGroup;
}

std::string RowGroups::take() {
    PRESENCE_CHECK(open_at_ == kNoGroup, "rows are stamped before they are sent");
    bytes_.resize(std::exchange(used_, 0));
    rows_ = 0;
    last_edge_.clear();
    return std::exchange(bytes_, {});
}

bool decode_rows(std::string_view bytes, Frame& out) {
    std::string_view edge;
    while (!bytes.empty()) {
        std::int64_t read = 0;
        std::uint32_t size = 0;
        if (!take(bytes, read) || !take(bytes, size)) return false;
        if (!is_stamp(read) || size > bytes.size()) return false;
        std::string_view left = bytes.substr(0, size);
        bytes.remove_prefix(size);
        const std::size_t first = out.rows.size();
        while (!left.empty())
            if (!take_row(left, edge, out.rows.emplace_back())) return false;
        out.groups.push_back({.read = PeerInstant{Duration{read}},
                              .first = first,
                              .count = out.rows.size() - first});
    }
    return true;
}

}  // namespace presence
