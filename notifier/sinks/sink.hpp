#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/config.hpp"
#include "common/time.hpp"
#include "common/wire/event.hpp"
#include "notifier/sinks/dead_line.hpp"
#include "notifier/sinks/interrupt.hpp"

namespace presence::notifier {

// Why a sink did not take a chunk, for a person: "cannot write audit.jsonl: No space left on
// device". Not an error of ours: the chunk is given again later.
struct SinkFailure : std::runtime_error {
    using std::runtime_error::runtime_error;

    Duration retry_after{};  // not again before: the place asked for it
    bool gone = false;       // not again at all, until reopen(): the place wants nothing more
};

// What a sink has to tell beside the chunks: from its thread, to the loop.
class SinkNews {
public:
    struct News {
        std::vector<std::string> dead;  // why, for each event that was given up
        std::uint64_t answers_ignored = 0;
    };
    void add_dead(const std::string& why) {
        const std::lock_guard lock(mutex_);
        news_.dead.push_back(why);
    }
    void add_answers_ignored(std::uint64_t number) {
        const std::lock_guard lock(mutex_);
        news_.answers_ignored += number;
    }
    [[nodiscard]] News take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(news_, {});
    }

private:
    std::mutex mutex_;
    News news_;
};

// What a sink may ask of who runs it, in its own thread.
struct SinkHost {
    // A sink that knows better than by its chunks what is not to be borne gives an event up: it is
    // a dead letter then. Throws StoreError: it is not.
    std::function<void(const DeadLine& line, const std::string& failure, std::uint64_t attempts)>
        give_up;
    std::shared_ptr<SinkNews> news = std::make_shared<SinkNews>();
};

// A place where events go. Lives in a thread of its own (Worker), so it may wait, but only where
// its Interrupt is seen, which ends every wait with a SinkFailure when the process stops.
class Sink {
public:
    virtual ~Sink() = default;

    // Takes all of the chunk. Throws SinkFailure if it was not taken, or not surely, and
    // io::StoreError if that is for our own disk. So do reopen() and tend().
    virtual void take(const std::vector<Event>& chunk) = 0;

    // The operator moved the file away (SIGHUP).
    virtual void reopen() {}

    // While there is no chunk: `tend` is to be called when `fd` is readable or failed, or at `at`.
    struct Watch {
        int fd = -1;
        Instant at = Instant::max();
        int also = -1;  // as `fd`
    };
    [[nodiscard]] virtual Watch watch() const { return {}; }
    virtual void tend() {}

    // The last call; gives back what it holds by about `deadline`.
    virtual void close(Instant /*deadline*/) {}
};

// `directory`: for what has to outlive the process; it is there, and this sink's alone. Requires: a
// configuration that load_config accepted, an interrupt that outlives the sink.
[[nodiscard]] std::unique_ptr<Sink> make_sink(const SinkConfig& config,
                                              const std::filesystem::path& directory,
                                              const Interrupt& interrupt, SinkHost host);

// The chunk as JSON, one event a line.
[[nodiscard]] std::string json_lines(const std::vector<Event>& chunk);

// Writes all of `bytes` to a descriptor that may be slow, at most `slice_bytes` at once. Throws
// SinkFailure "cannot write WHAT: ...".
void write_all(int fd, std::string_view bytes, std::size_t slice_bytes, const std::string& what,
               const Interrupt& interrupt);

// "cannot VERB WHAT: <strerror of errno>".
[[nodiscard]] SinkFailure failure(std::string_view verb, const std::string& what);

}  // namespace presence::notifier
