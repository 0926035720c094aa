#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/io/background_thread.hpp"
#include "common/store/store.hpp"
#include "common/time.hpp"

namespace presence::tracker {

// A store in a thread of its own, beside the loop: a slow disk delays what is written, never the
// loop. All calls are the loop's, and none but stop() waits for the disk.
class Journal {
public:
    struct Options {
        Duration retry = std::chrono::seconds{1};              // after a write that failed
        std::size_t transaction_bytes = std::size_t{8} << 20;  // about the most of one transaction
        std::size_t page_bytes = std::size_t{1} << 20;         // of a replay; one row at least
        std::size_t askers_max = 1024;                         // whose replays wait
        std::size_t asker_replays_max = 64;                    // waiting; a notifier asks up to 48
    };
    explicit Journal(std::unique_ptr<io::Store> store);
    Journal(std::unique_ptr<io::Store> store, Options options);
    // As stop(1s).
    ~Journal();
    Journal(const Journal&) = delete;

    // What waits is written in order, as much of it in one transaction as there is. A write that
    // fails is tried again each `retry`, and nothing is dropped, unless the store is malformed; the
    // caller bounds what waits. Row
    // numbers go on from those appended before. Must not follow stop().
    void append(io::Store::Write write);
    // Of the bodies appended and not written yet.
    [[nodiscard]] std::size_t waiting_bytes() const;

    // A page of what follows row `after` of run `boot`, for `peer`; read in turn with those of
    // other peers, when nothing waits to be written, or at the latest after 20 ms and the write
    // under way. False: too many wait already.
    struct Ask {
        std::string peer;
        std::optional<std::uint64_t> rid;
        std::uint64_t boot = 0;
        std::uint64_t after = 0;
    };
    [[nodiscard]] bool replay(Ask ask);

    enum class Found {
        rows,      // none if `after` is the last one
        too_old,   // the journal does not reach back to `after`, or the row after it is damaged
        diverged,  // `after` is not of that run, or lies beyond the last row
    };
    struct Reply {
        Ask ask;
        Found found = Found::rows;
        std::uint64_t batch = 0;  // the last row there is
        std::vector<std::string> rows;
        std::string damage;  // for the log: why a row cannot be read
    };
    struct News {
        std::uint64_t written_up_to = 0;     // every row up to this one is written
        std::vector<Reply> replies;          // of each peer in the order asked; a few at a time
        std::optional<std::string> failure;  // why nothing can be written now; for a person
        bool malformed = false;              // nor ever: the store has to be opened anew
    };
    // Readable when there is news that news() has not told.
    [[nodiscard]] int fd() const;
    [[nodiscard]] News news();

    // Writes what waits, for at most `within`, and closes the store. Whether all of it is written;
    // else the rest is lost with the process. A thread that hangs in the disk 2 s later is left
    // behind.
    [[nodiscard]] bool stop(Duration within);

private:
    struct Shared;

    std::shared_ptr<Shared> shared_;
    io::BackgroundThread thread_;
};

}  // namespace presence::tracker
