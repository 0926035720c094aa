#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "common/time.hpp"

namespace presence::cli {

// Subscribes to the batches of all trackers in a thread of its own, so that the time at which each
// came is true however busy the load keeps its sender.
class BenchEvents {
public:
    BenchEvents(zmq::context_t& context, const std::vector<std::string>& endpoints);

    struct Message {
        std::size_t tracker;
        std::string batch;
        Instant received;
    };
    // What came since the last call.
    [[nodiscard]] std::vector<Message> take();
    // Every tracker was heard, so none of its batches is missed from now on.
    [[nodiscard]] bool connected() const { return heard_ == sockets_.size(); }

private:
    void run(const std::stop_token& stop);
    void drain(std::size_t tracker);

    std::vector<zmq::socket_t> sockets_;  // the thread's
    std::vector<bool> heard_from_;        // the thread's
    std::mutex mutex_;
    std::vector<Message> messages_;  // guarded by mutex_
    std::atomic<std::size_t> heard_{0};
    std::jthread thread_;  // ended and waited for before the sockets go
};

}  // namespace presence::cli
