#include "tracker/roster/sessions.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/check.hpp"
#include "common/limits.hpp"

namespace presence::tracker {
namespace {

constexpr std::size_t kSinceBytes = sizeof(std::uint32_t);  // before a status

constexpr std::size_t padded(std::size_t bytes) {
    return (bytes + 3) / 4 * 4;
}
static_assert(4 + SessionList::kCountMax *
                      (sizeof(Session) + padded(2 * kNameBytesMax + kSinceBytes)) <
              65'536);

const char* text_of(const Session* session) {
    return reinterpret_cast<const char*>(session + 1);
}
char* text_of(Session* session) {
    return reinterpret_cast<char*>(session + 1);
}
char* bytes_of(void* p) {
    return static_cast<char*>(p);
}

}  // namespace

std::string_view Session::name() const {
    return {text_of(this), name_bytes};
}
std::string_view Session::status() const {
    if (!told()) return {};
    return {text_of(this) + name_bytes + kSinceBytes, status_bytes};
}
std::uint32_t Session::said_since() const {
    std::uint32_t at = 0;
    std::memcpy(&at, text_of(this) + name_bytes, sizeof at);
    return at;
}
void Session::set_said_since(std::uint32_t at) {
    std::memcpy(text_of(this) + name_bytes, &at, sizeof at);
}
std::size_t Session::bytes() const {
    return sizeof(Session) + padded(name_bytes + (told() ? kSinceBytes + status_bytes : 0u));
}

SessionList& SessionList::operator=(SessionList&& other) noexcept {
    std::swap(head_, other.head_);
    return *this;
}

void SessionList::clear() {
    std::free(head_);
    head_ = nullptr;
}

Session* SessionList::begin() const {
    return head_ ? reinterpret_cast<Session*>(head_ + 1) : nullptr;
}
Session* SessionList::end() const {
    return head_ ? reinterpret_cast<Session*>(bytes_of(head_) + head_->bytes) : nullptr;
}
Session* SessionList::next(Session* session) {
    return reinterpret_cast<Session*>(bytes_of(session) + session->bytes());
}

Session* SessionList::find(EdgeIndex edge, std::string_view name) const {
    for (auto* s = begin(); s != end(); s = next(s))
        if (s->edge == edge && s->name() == name) return s;
    return nullptr;
}

// Grows or shrinks at the end.
void SessionList::resize(std::size_t bytes) {
    const auto count = head_ ? head_->count : std::uint16_t{0};
    auto* moved = static_cast<Head*>(std::realloc(head_, bytes));
    PRESENCE_CHECK(moved, "out of memory");
    head_ = moved;
    *head_ = {static_cast<std::uint16_t>(bytes), count};
}

Session* SessionList::add(EdgeIndex edge, std::string_view name, std::uint32_t read,
                          std::uint32_t ttl) {
    PRESENCE_CHECK(count() < kCountMax && name.size() <= kNameBytesMax,
                   "more than a session list holds");
    const Session session{.read = read,
                          .ttl = ttl,
                          .told_at = 0,
                          .edge = edge,
                          .name_bytes = static_cast<std::uint8_t>(name.size() & 0x7f),
                          .status_bytes = Session::kUntold};
    const auto before = head_ ? head_->bytes : sizeof(Head);
    resize(before + sizeof(Session) + padded(name.size()));
    auto* added = new (bytes_of(head_) + before) Session(session);
    std::copy(name.begin(), name.end(), text_of(added));
    ++head_->count;
    return added;
}

void SessionList::remove(Session* session) {
    const auto bytes = session->bytes();
    auto* after = bytes_of(session) + bytes;
    std::memmove(bytes_of(session), after, static_cast<std::size_t>(bytes_of(end()) - after));
    if (--head_->count == 0)
        clear();
    else
        resize(head_->bytes - bytes);
}

void SessionList::tell(Session* session, Tick at, Tick since, std::string_view status,
                       const TickWindow& window) {
    PRESENCE_CHECK(status.size() <= kNameBytesMax, "a status is longer than a session list holds");
    if (session->told() && at < window.widen(session->told_at)) return;
    session->told_at = static_cast<std::uint32_t>(at);
    if (session->told() && session->status() == status) return;
    // To the end: there it has room to change, and among equals it counts.
    const auto own = session->bytes();
    std::rotate(bytes_of(session), bytes_of(session) + own, bytes_of(end()));
    const auto offset = head_->bytes - own;
    auto* moved = reinterpret_cast<Session*>(bytes_of(head_) + offset);
    resize(offset + sizeof(Session) + padded(moved->name_bytes + kSinceBytes + status.size()));
    moved = reinterpret_cast<Session*>(bytes_of(head_) + offset);
    std::copy(status.begin(), status.end(), text_of(moved) + moved->name_bytes + kSinceBytes);
    moved->status_bytes = static_cast<std::uint8_t>(status.size() & 0x7f);
    moved->set_said_since(static_cast<std::uint32_t>(since));
}

std::string_view SessionList::status(const TickWindow& window) const {
    const Session* last = nullptr;
    for (auto* s = begin(); s != end(); s = next(s))
        if (s->told() &&
            (!last || window.widen(s->said_since()) >= window.widen(last->said_since())))
            last = s;
    return last ? last->status() : std::string_view{};
}

}  // namespace presence::tracker
