#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/secret_hash.hpp"
#include "common/store/sqlite.hpp"
#include "common/wire/event.hpp"
#include "notifier/deliver/wanted.hpp"
#include "notifier/sinks/dead_line.hpp"

namespace presence::notifier {

// The events that a sink did not take in as many tries as it has: a file in the sink's directory.
// The sink's thread adds to it and removes what was replayed; an operator's command reads it, asks
// for replays and drops, at the same time. Each call is one transaction, and waits for another
// process's.
//
// The file is made with the first letter. One thread at a time, but for wanted(). All calls throw
// StoreError.
class DeadLetters {
public:
    enum class Damaged { refused, moved_aside };
    // Opens the file if it is there. Throws StoreError: of a newer format, damaged, unreadable.
    DeadLetters(const std::filesystem::path& directory, std::uint64_t letters_max, Damaged damaged);
    [[nodiscard]] static bool there(const std::filesystem::path& directory);
    // What was damaged and became of it, for a person.
    [[nodiscard]] const std::optional<std::string>& moved() const { return moved_; }

    // For the sink.

    // All or, with more than letters_max then, none. Whose replay this was, is no longer wanted.
    void add(const std::vector<Event>& events, const std::string& failure, std::uint64_t attempts,
             std::int64_t now_ms);
    void add(const std::vector<DeadLine>& lines, const std::string& failure, std::uint64_t attempts,
             std::int64_t now_ms);
    // The sink took these, but for what was added of them meanwhile. Removes the letters that are
    // replayed by that, and returns how many.
    std::uint64_t taken(const std::vector<Event>& events);
    [[nodiscard]] std::uint64_t count() const;
    // As of the last look, or write of ours. From any thread.
    [[nodiscard]] std::uint64_t kept() const { return kept_; }
    // Looks who is wanted, if another process wrote.
    void look();
    // At most kWantedMax: the others once these are replayed.
    static constexpr std::size_t kWantedMax = 1'000;
    // From any thread.
    [[nodiscard]] Wanted wanted() const {
        const std::lock_guard lock(wanted_mutex_);
        return wanted_;
    }

    // For the operator: the letters of one user, or all.

    struct Letter {
        std::string_view user;
        std::string_view event;  // as JSON
        std::string_view failure;
        std::uint64_t attempts = 0;
        std::int64_t died_ms = 0;
        bool wanted = false;
    };
    // In the order in which they died.
    void each(const std::optional<std::string>& user,
              const std::function<void(const Letter&)>& fn) const;
    // Returns how many letters. They are replayed once the sink's thread has looked.
    std::uint64_t want(const std::optional<std::string>& user);
    std::uint64_t drop(const std::optional<std::string>& user);

private:
    void open(Damaged damaged);
    void connect();
    void connect_once();
    void let_go_if_deleted();
    void move_aside(const std::string& why);
    std::uint64_t settle();
    void read_wanted();
    void set_wanted(Wanted wanted);
    std::uint64_t change(const std::string& what, const std::optional<std::string>& user);
    template <class Body>
    auto guarded(const char* doing, Body&& body) const;

    // Taken, and not removed yet: all letters of a user that are wanted, or the one of an id.
    struct Settled {
        std::string user;
        std::string id;
    };

    std::filesystem::path file_;
    std::uint64_t letters_max_;
    io::sqlite::Database db_;
    std::optional<std::string> moved_;
    std::atomic<std::uint64_t> kept_ = 0;
    mutable std::mutex wanted_mutex_;
    Wanted wanted_;
    std::unordered_set<std::string, SecretHash> wanted_users_;
    std::unordered_set<std::string> wanted_notices_;  // ids
    std::unordered_set<std::string> added_;           // ids, since something was taken
    std::vector<Settled> settled_;
    std::int64_t seen_version_ = -1;
    // After a kill between adding and going on, what was added is tried once more.
    bool maybe_added_ = false;
};

}  // namespace presence::notifier
