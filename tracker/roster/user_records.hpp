#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tracker/evidence/edges.hpp"
#include "tracker/roster/memory/column.hpp"
#include "tracker/roster/memory/prefetch.hpp"
#include "tracker/roster/sessions.hpp"

namespace presence::tracker {

// A user who is online. With one session that has no name and never told a status, everything is in
// here; otherwise `sessions` holds them all, `read` is the user's newest, and `ttl` and `edge` are
// unused. Ids of up to 20 bytes are held inline.
class UserRecord {
public:
    static constexpr std::size_t kInlineBytes = 20;

    UserRecord() = default;
    ~UserRecord() { clear(); }
    UserRecord(const UserRecord&) = delete;
    UserRecord& operator=(const UserRecord&) = delete;

    // 1..kUserBytesMax bytes. Requires: a cleared record.
    void set_id(std::string_view id);
    [[nodiscard]] std::string_view id() const { return {id_data(), id_bytes_}; }
    [[nodiscard]] bool living() const { return id_bytes_ != 0; }
    [[nodiscard]] bool single() const { return sessions.empty(); }
    void clear();
    [[nodiscard]] std::size_t bytes_outside() const {
        return sessions.bytes() + (id_bytes_ > kInlineBytes ? id_bytes_ : 0u);
    }

    // When the user is to be looked at (Deadlines) lies in memory of its own, and to move it with
    // each heartbeat costs a cache line. It is moved on after an eighth to a quarter of the ttl,
    // and so may be that much early. Of a user with one session, whose newest heartbeat was then.
    // `at`: of the newest, as `read` is kept.
    [[nodiscard]] bool needs_arming(std::uint32_t at) const {
        return static_cast<std::uint8_t>(step(at) - armed_) >= kStepsMax;
    }
    void arm() { armed_ = step(read); }

private:
    static constexpr std::uint8_t kStepsMax = 8;
    // In parts of the ttl, 32 to 64 of them. A wrong guess after a long silence only leaves the
    // user to be looked at early.
    [[nodiscard]] std::uint8_t step(std::uint32_t at) const {
        return static_cast<std::uint8_t>(at >> (std::bit_width(ttl | 32u) - 6));
    }
    [[nodiscard]] const char* id_data() const;

    alignas(8) char id_[kInlineBytes] = {};  // or a pointer to them
    std::uint8_t id_bytes_ = 0;              // 0: the record is free
    std::uint8_t armed_ = 0;                 // the step then

public:
    EdgeIndex edge = kUnnamedEdge;
    std::uint32_t read = 0;  // low 32 bits of a Tick; of a free record: the next free one
    std::uint32_t ttl = 0;   // ms
    std::int64_t since_ms = 0;
    SessionList sessions;
};
static_assert(sizeof(UserRecord) == 48);

// Records that never move, known by dense indices; freed ones are used again first.
class UserRecords {
public:
    // At most `users_max` live at once.
    explicit UserRecords(std::size_t users_max) : records_(users_max) {}

    [[nodiscard]] std::uint32_t add(std::string_view id);
    void remove(std::uint32_t user);

    [[nodiscard]] UserRecord& operator[](std::uint32_t user) { return records_[user]; }
    [[nodiscard]] const UserRecord& operator[](std::uint32_t user) const { return records_[user]; }
    void prefetch(std::uint32_t user) const {
        const auto* record = reinterpret_cast<const char*>(&(*this)[user]);
        tracker::prefetch(record);
        tracker::prefetch(record + sizeof(UserRecord) - 1);
    }

    [[nodiscard]] std::uint32_t living() const { return living_; }
    // One more than the highest index ever in use: free records are among those below.
    [[nodiscard]] std::uint32_t end() const { return static_cast<std::uint32_t>(records_.size()); }
    // Walks all records.
    [[nodiscard]] std::size_t bytes() const;

private:
    static constexpr std::uint32_t kNoneFree = 0xffff'ffff;

    Column<UserRecord> records_;
    std::uint32_t living_ = 0;
    std::uint32_t free_ = kNoneFree;
};

}  // namespace presence::tracker
