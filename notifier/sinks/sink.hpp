#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "common/config.hpp"
#include "common/event.hpp"
#include "common/time.hpp"
#include "notifier/sinks/interrupt.hpp"

namespace presence::notifier {

// Why a sink did not take a chunk, for a person: "cannot write audit.jsonl: No space left on
// device". Not an error of ours: the chunk is given again later.
struct SinkFailure : std::runtime_error {
    using std::runtime_error::runtime_error;

    Duration retry_after{};  // not again before: the place asked for it
    bool gone = false;       // not again at all, until reopen(): the place wants nothing more
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
                                              const Interrupt& interrupt);

// The chunk as JSON, one event a line.
[[nodiscard]] std::string json_lines(const std::vector<Event>& chunk);

// Writes all of `bytes` to a descriptor that may be slow, at most `slice_bytes` at once. Throws
// SinkFailure "cannot write WHAT: ...".
void write_all(int fd, std::string_view bytes, std::size_t slice_bytes, const std::string& what,
               const Interrupt& interrupt);

// "cannot VERB WHAT: <strerror of errno>".
[[nodiscard]] SinkFailure failure(std::string_view verb, const std::string& what);

}  // namespace presence::notifier
