#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "common/limits.hpp"
#include "tracker/evidence/edges.hpp"
#include "tracker/evidence/tick.hpp"
#include "tracker/roster/memory/prefetch.hpp"

namespace presence::tracker {

// One session in a SessionList. Its name and, if it told one, its status follow it in memory.
struct Session {
    static constexpr std::uint8_t kUntold = 0x7f;

    std::uint32_t read = 0;  // low 32 bits of a Tick, as `told_at`; once it has left: of its bye
    std::uint32_t ttl = 0;   // ms
    union {
        std::uint32_t told_at = 0;  // when its status was told last
        std::uint32_t linger;       // once it has left: how long it lasts after its bye, ms
    };
    EdgeIndex edge = kUnnamedEdge;
    std::uint8_t name_bytes : 7 = 0;
    // Others that found no room are in it too: it lasts for the longest ttl of theirs after the
    // newest heartbeat of any, and no bye ends it.
    bool shared : 1 = false;
    std::uint8_t status_bytes : 7 = kUntold;
    bool left : 1 = false;  // it said bye

    void leave(std::uint32_t at, std::uint32_t for_ms) {
        read = at;
        linger = for_ms;
        left = true;
    }
    // What it told before its bye is older than all that comes now.
    void come_back(std::uint32_t at, std::uint32_t ttl_ms) {
        told_at = std::exchange(read, at);
        ttl = ttl_ms;
        left = false;
    }

    [[nodiscard]] bool told() const { return status_bytes != kUntold; }
    [[nodiscard]] std::string_view name() const;
    [[nodiscard]] std::string_view status() const;
    // When it began to say that. Requires: told().
    [[nodiscard]] std::uint32_t said_since() const;
    void set_said_since(std::uint32_t at);
    [[nodiscard]] std::size_t bytes() const;  // with its texts, padded to 4
};
static_assert(sizeof(Session) == 16);

// The sessions of one user in one allocation: 4 bytes, and for each session 16 bytes, 4 more if it
// told a status, and its texts, padded to 4. Every change but of fields moves the sessions:
// pointers live until then. Holds at most kCountMax sessions with names and statuses of at most
// kNameBytesMax.
class SessionList {
public:
    static constexpr std::size_t kCountMax = 2 * kSessionsPerUserMax;

    SessionList() = default;
    ~SessionList() { clear(); }
    SessionList(SessionList&& other) noexcept : head_(other.head_) { other.head_ = nullptr; }
    SessionList& operator=(SessionList&& other) noexcept;

    [[nodiscard]] bool empty() const { return !head_; }
    [[nodiscard]] std::size_t count() const { return head_ ? head_->count : 0; }
    [[nodiscard]] std::size_t bytes() const { return head_ ? head_->bytes : 0; }
    // A list of one session may lie in two cache lines. (Asking for address 0 costs a page walk.)
    void prefetch() const {
        if (!head_) return;
        tracker::prefetch(head_);
        tracker::prefetch(reinterpret_cast<const char*>(head_) + 40);
    }

    [[nodiscard]] Session* begin() const;
    [[nodiscard]] Session* end() const;
    [[nodiscard]] static Session* next(Session* session);

    [[nodiscard]] Session* find(EdgeIndex edge, std::string_view name) const;
    Session* add(EdgeIndex edge, std::string_view name, std::uint32_t read, std::uint32_t ttl);
    void remove(Session* session);
    void clear();

    // Told at `at`, said since `since`; an older one than the session's last is ignored, and the
    // same again changes nothing but when it was told. Of those said since one time the one that
    // came last counts.
    void tell(Session* session, Tick at, Tick since, std::string_view status,
              const TickWindow& window);
    // Of what the sessions say, what one began to say last; empty if none says anything or that was
    // to clear it. Lives until the next change.
    [[nodiscard]] std::string_view status(const TickWindow& window) const;

private:
    struct Head {
        std::uint16_t bytes;  // of the allocation
        std::uint16_t count;
    };
    void resize(std::size_t bytes);

    Head* head_ = nullptr;
};

}  // namespace presence::tracker
