#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/storage_error.hpp"
#include "common/time.hpp"

namespace presence::io {

// One line for a person: what failed, on which file, and why.
struct StoreError : StorageError {
    using StorageError::StorageError;
};

// A write found pages that contradict one another, or the file gone or replaced. This process can
// write no more. Opening anew moves such pages aside, and takes or makes what is in its place.
struct StoreMalformed : StoreError {
    using StoreError::StoreError;
};

// A checkpointed log on disk: numbered rows, states that say what the rows up to a number add up
// to, and one small blob of facts. To recover: the states, then the rows after each.
//
// One directory, one process (held by a lock), one thread at a time. Every body carries a checksum,
// so what is handed out is what was written. docs/durability.md has the format, what each
// durability survives, and what becomes of a store that is damaged or full.
class Store {
public:
    enum class Durability {
        process,  // what write() wrote survives the end of the process, kill -9 included
        power,    // and the loss of power: write() waits for the disk
    };
    static constexpr Duration kPatience = 5s;
    struct Options {
        std::filesystem::path directory;  // made if missing, with those above it
        std::string owner;                // "tracker t1 of main": another's store is refused
        Durability durability = Durability::process;
        // Rows are dropped, oldest first, while their bodies hold more bytes than this or they
        // were written longer ago than this, not counting the time in which the store was not open:
        // a few with each write, and only rows that no state needs. With no states yet, none is.
        // The last row always stays. The file keeps the size it once had; freed room is used again.
        std::uint64_t retain_bytes = std::uint64_t{1} << 30;
        Duration retain_age = std::chrono::hours{24};
        // What another process has is waited for: a backup has the file for a moment, or the run
        // before is about to end.
        Duration patience = kPatience;
        std::string vfs{};  // of SQLite; empty: the system's. Tests put theirs here.
    };

    struct Row {
        std::uint64_t number = 0;  // the one before plus one; an empty store takes any above 0
        std::uint64_t boot = 0;    // of the run that wrote it; below 2^63, as number is
        std::string body;
    };
    struct State {
        std::uint32_t key = 0;
        std::uint64_t number = 0;  // what the rows up to this one add up to: first() - 1 to the
                                   // last row, and never less than before
        // Nothing: the state is as it was written last, and no row up to `number` changed it. That
        // costs no copy, and lets rows go that only it still held.
        std::optional<std::string> body;
    };
    struct Write {
        std::vector<Row> rows;
        std::vector<State> states;  // of the rows up to these; the last of a key counts
        std::optional<std::string> facts;
    };

    // Throws StoreError: the directory cannot be made or written, is in use by another process,
    // is of another owner, or of a newer format. Damage is no error; see Opened::cut. Reads all
    // states, and the rows they need.
    explicit Store(Options options);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    struct Opened {
        std::uint64_t first = 0;  // 0: no rows
        std::uint64_t last = 0;   // 0: none was ever written
        // Of the last row; 0 if there is none, or if rows after it were lost, as whoever has seen
        // those must not go on from here as if nothing had happened.
        std::uint64_t last_boot = 0;
        // What was damaged and what became of it, for a person. Told once.
        std::optional<std::string> cut;
    };
    // As it was when the store was opened.
    [[nodiscard]] const Opened& opened() const;

    // Moves the store in this directory out of the way, and returns its new name; nothing if there
    // is none. Of those set aside the latest is kept. Throws StoreError, also if it is in use.
    static std::optional<std::string> set_aside(const std::filesystem::path& directory);
    // The directories in this one that have a store.
    [[nodiscard]] static std::vector<std::filesystem::path> stores_in(
        const std::filesystem::path& directory);

    // All of it or nothing, in one transaction. Throws StoreError: then the store is as before,
    // and the same write may be tried again, unless it is StoreMalformed. `clock_ms` dates the
    // rows, for retain_age: a clock that only runs, from anywhere, and anew with each opening.
    void write(const Write& write, std::int64_t clock_ms);

    // Calls fn for the rows after `after`, in order and without gaps, until it returns false; the
    // body is valid during the call. From first() if `after` lies before that. fn must not use the
    // store. Throws StoreError at a row that is damaged or cannot be read, after those before it.
    void each_row(std::uint64_t after,
                  const std::function<bool(std::uint64_t number, std::uint64_t boot,
                                           std::string_view body)>& fn) const;
    // In the order of keys. As for each_row.
    void each_state(const std::function<void(std::uint32_t key, std::uint64_t number,
                                             std::string_view body)>& fn) const;
    // Empty until written. Throws StoreError.
    [[nodiscard]] std::string facts() const;
    // Nothing if there is no such row, or it is damaged. Throws StoreError if it cannot be read.
    [[nodiscard]] std::optional<std::uint64_t> boot_of(std::uint64_t number) const;

    [[nodiscard]] std::uint64_t first() const;  // 0: no rows
    [[nodiscard]] std::uint64_t last() const;   // 0: none was ever written
    // Of the bodies of all rows.
    [[nodiscard]] std::uint64_t bytes() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace presence::io
