#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/io/background_thread.hpp"
#include "common/time.hpp"
#include "common/wire/event.hpp"
#include "notifier/sinks/interrupt.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// One sink in its thread. The loop and the thread share nothing but a mailbox that holds one chunk
// at most, so a sink that hangs makes nobody wait, holds no more memory than that, and is left
// behind at the end.
class Worker {
public:
    Worker(const SinkConfig& config, const std::filesystem::path& directory, SinkHost host);

    // Readable when outcome() or ended() has news.
    [[nodiscard]] int fd() const;

    // A chunk to take, and what the thread does before, and after some of it was taken; where
    // `before` throws a StoreError, none is. An empty chunk is not given to the sink.
    struct Task {
        std::vector<Event> chunk;
        std::function<void()> before;
        std::function<void(const std::vector<Event>& taken, bool all)> after;
        std::uint64_t number = 0;                // of the chunk, for a StatePlace
        std::function<void(StatePlace&)> ask{};  // in place of a chunk
    };
    // Requires: none is under way.
    void give(Task task);
    // How the chunk fared, once.
    [[nodiscard]] std::optional<Report> outcome();

    void open();

    // The sink stops waiting, closes by about `deadline`, and its thread ends.
    void stop(Instant deadline);
    [[nodiscard]] bool ended() const { return thread_.ended(); }

private:
    struct Mailbox;

    std::shared_ptr<Mailbox> mailbox_;
    io::BackgroundThread thread_;
};

}  // namespace presence::notifier
