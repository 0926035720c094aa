#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "cli/asker.hpp"
#include "cli/commands.hpp"
#include "cli/user_event.hpp"
#include "common/batch.hpp"
#include "common/io/event_text.hpp"
#include "common/io/program.hpp"
#include "common/io/signals.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"

namespace presence::cli {
namespace {

constexpr std::size_t kWaitingBytesMax = 4u << 20;
constexpr int kMessagesPerTurnMax = 1000;

struct Given {
    AskFlags where;
    std::optional<std::string> user;
    bool json = false;
};

// Lines for an output that may be slower than the events: bounded, and it says what it skips.
class SlowOutput {
public:
    void add(const std::string& line) {
        if (waiting_.size() + line.size() > kWaitingBytesMax) {
            ++skipped_;
            return;
        }
        tell_skipped();
        waiting_ += line;
    }
    [[nodiscard]] bool empty() const { return waiting_.empty(); }
    // Call when the output takes more: writes so little that it does not block. False: its reader
    // is gone. Throws OutputError if it cannot be written.
    bool write_some() {
        const auto n = ::write(STDOUT_FILENO, waiting_.data(),
                               std::min<std::size_t>(waiting_.size(), PIPE_BUF));
        if (n < 0 && errno == EPIPE) return false;
        if (n < 0 && errno != EAGAIN && errno != EINTR) throw io::OutputError(errno);
        if (n < 0) return true;
        waiting_.erase(0, static_cast<std::size_t>(n));
        return true;
    }
    void tell_skipped() {
        if (skipped_ > 0)
            std::cerr << "presence watch: the output is too slow; skipped " << skipped_
                      << " transitions\n";
        skipped_ = 0;
    }

private:
    std::string waiting_;
    std::uint64_t skipped_ = 0;
};

class Watcher {
public:
    explicit Watcher(const Given& given) : given_(given), context_(io::make_context()) {
        Asker asker(context_, given.where.deadline());
        const std::string topic =
            given.user ? topic_of_user(*given.user) : std::string(kTopicUserPrefix);
        for (const auto& tracker : asker.map(given.where.endpoints()).trackers) {
            sockets_.push_back(io::make_socket(context_, io::Role::events_in, tracker.events));
            sockets_.back().set(zmq::sockopt::subscribe, topic);
        }
    }

    int run() {
        while (!signals_.stop()) {
            wait();
            for (auto& socket : sockets_)
                drain(socket);
            if (output_ready_ && !output_.empty() && !output_.write_some()) return 0;
        }
        output_.tell_skipped();
        return 0;
    }

private:
    void wait() {
        std::vector<zmq::pollitem_t> items{{nullptr, signals_.fd(), ZMQ_POLLIN, 0},
                                           {nullptr, STDOUT_FILENO, 0, 0}};
        if (!output_.empty()) items[1].events = ZMQ_POLLOUT;
        for (auto& socket : sockets_)
            items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
        zmq::poll(items, std::chrono::milliseconds(-1));
        if (items[0].revents != 0) signals_.read();
        output_ready_ = (items[1].revents & (ZMQ_POLLOUT | ZMQ_POLLERR)) != 0;
    }

    void drain(zmq::socket_t& socket) {
        zmq::message_t part;
        for (int n = 0; n < kMessagesPerTurnMax; ++n) {
            if (!socket.recv(part, zmq::recv_flags::dontwait)) return;
            while (part.more())
                if (!socket.recv(part, zmq::recv_flags::dontwait)) return;
            const auto event = read_user_event({part.data<char>(), part.size()});
            // Without the NUL at its end a topic is a prefix of longer ones.
            if (!event || (given_.user && event->user != *given_.user)) continue;
            output_.add((given_.json ? to_json(*event) : io::text_line(*event)) + "\n");
        }
    }

    const Given& given_;
    io::Signals signals_;
    zmq::context_t context_;
    std::vector<zmq::socket_t> sockets_;
    SlowOutput output_;
    bool output_ready_ = false;
};

int run_watch(const Given& given) {
    if (given.user && check_text(*given.user, kUserBytesMax) != TextFault::none)
        throw io::UsageError("`" + *given.user + "` is no user id: 1 to 128 bytes of UTF-8 " +
                             "without control characters");
    return Watcher(given).run();
}

}  // namespace

void add_watch(io::Flags& presence) {
    const auto given = std::make_shared<Given>();
    auto& flags = presence.command("watch", "print transitions as they happen, until Ctrl-C",
                                   [given] { return run_watch(*given); });
    given->where.add_to(flags);
    flags.text("--user", "ID", given->user, "only this user");
    flags.toggle("--json", given->json, "the whole event, one JSON object a line");
    flags.epilogue(
        "\nBest effort: what happens while a tracker is away is not shown. For every\n"
        "transition, in order and at least once, configure a sink.");
}

}  // namespace presence::cli
