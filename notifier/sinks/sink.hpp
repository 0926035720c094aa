#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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
#include "notifier/sinks/mark.hpp"
#include "notifier/sinks/report.hpp"

namespace presence::notifier {

// Why nothing of a batch was surely taken, or a sink is not well; the place's fault unless it says
// otherwise.
struct SinkFailure : std::runtime_error {
    explicit SinkFailure(const std::string& reason) : SinkFailure(Failure{.reason = reason}) {}
    explicit SinkFailure(Failure why) : std::runtime_error(why.reason), failure(std::move(why)) {}

    Failure failure;
};

// What a sink has to tell beside the chunks: from its thread, to the loop.
class SinkNews {
public:
    // That a place lost what it took.
    struct Refill {
        std::uint64_t number = 0;  // 1, 2, ...; the newest is meant
        std::string why;
        bool told_before = false;  // it had been told something
    };
    struct News {
        std::optional<Refill> refill;
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
    void want_refill(Refill refill) {
        const std::lock_guard lock(mutex_);
        news_.refill = std::move(refill);
    }
    [[nodiscard]] News take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(news_, {});
    }

private:
    std::mutex mutex_;
    News news_;
};

// What a sink is to tell of itself at any time: from the loop, to its thread.
class SinkView {
public:
    struct View {
        std::int64_t as_of_ms = 0;  // wall clock: until when all that happened was told
        Freshness freshness = Freshness::warming;
        std::uint64_t refilled = 0;  // the last refill that is done
    };
    void set(const View& view) {
        const std::lock_guard lock(mutex_);
        view_ = view;
    }
    [[nodiscard]] View get() const {
        const std::lock_guard lock(mutex_);
        return view_;
    }

private:
    mutable std::mutex mutex_;
    View view_;
};

// What a sink may ask of who runs it, in its own thread.
struct SinkHost {
    // A sink that knows better than by its chunks what is not to be borne gives an event up: it is
    // a dead letter then. Throws StoreError: it is not.
    std::function<void(const DeadLine& line, const std::string& failure, std::uint64_t attempts)>
        give_up;
    std::shared_ptr<SinkNews> news = std::make_shared<SinkNews>();
    std::shared_ptr<SinkView> view = std::make_shared<SinkView>();
    Mark kept{};  // what the place took in earlier lives
    std::string cluster{};
};

// What a sink does as well whose place holds who is online. It compares the place's mark with what
// it knows to be taken, each time it connects, and wants a refill if that was lost.
class StatePlace {
public:
    virtual ~StatePlace() = default;

    // What is taken next is the chunk with this number.
    virtual void begin_chunk(std::uint64_t number) = 0;

    // Some of those who are online there. From the cursor "0" on, with the one that comes back,
    // until that is "0" again: then everybody was told who was there all the while, at least once.
    struct Page {
        std::vector<std::string> users;
        std::string cursor;
    };
    [[nodiscard]] virtual Page online(const std::string& cursor) = 0;
    [[nodiscard]] virtual std::uint64_t count() = 0;  // of those who are online there

    // It is to be refilled, whatever its mark says.
    virtual void want_refill(const std::string& why) = 0;
};

// A place where events go. Lives in a thread of its own (Worker), so it may wait, but only where
// its Interrupt is seen, which ends every wait with a SinkFailure when the process stops.
//
// It connects when it needs to, and anew after a failure. What fails is tried again by others, and
// told by them (Retries, SinkRunner): a sink says how each item fared and whose fault it was, and
// neither queues nor waits before it tries.
class Sink {
public:
    virtual ~Sink() = default;

    // Has the place take a batch of one event at least, in order for each user, and says how each
    // fared. Throws SinkFailure where none was surely taken, and io::StoreError if that is for our
    // own disk. So do open() and tend().
    [[nodiscard]] virtual Report take(const std::vector<Event>& batch) = 0;

    // Opens the place anew, as an operator wants it (SIGHUP): files were moved, secrets changed.
    virtual void open() {}

    // Between batches: `tend` is to be called when `fd` is readable or failed, or at `at`. It sees
    // to the place's health, and throws what is wrong with it.
    struct Watch {
        int fd = -1;
        Instant at = Instant::max();
        int also = -1;  // as `fd`
    };
    [[nodiscard]] virtual Watch watch() const { return {}; }
    virtual void tend() {}

    // Null: the place holds what happened.
    [[nodiscard]] virtual StatePlace* state_place() { return nullptr; }

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
