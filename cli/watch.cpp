#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "cli/commands.hpp"
#include "cli/hearing.hpp"
#include "cli/human.hpp"
#include "cli/trackers.hpp"
#include "cli/user_event.hpp"
#include "cli/user_id.hpp"
#include "common/exit_codes.hpp"
#include "common/io/clock.hpp"
#include "common/io/event_text.hpp"
#include "common/io/program.hpp"
#include "common/io/signals.hpp"
#include "common/wire/batch.hpp"

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
        const Trackers trackers(asker, given.where);
        trackers.require_any();
        const std::string topic =
            given.user ? topic_of_user(*given.user) : std::string(kTopicUserPrefix);
        // Those that do not answer, too: they may come back.
        std::vector<std::string> names, endpoints;
        for (const auto& tracker : trackers.all()) {
            if (!tracker.listed) continue;
            names.push_back("tracker " + printable(tracker.id + " (" + tracker.events + ")"));
            endpoints.push_back(tracker.events);
        }
        connect(names, endpoints, topic);
        hearing_.emplace(sockets_.size(), io::now());
    }

    int run() {
        while (!signals_.stop()) {
            wait();
            for (std::size_t i = 0; i < sockets_.size(); ++i)
                drain(i);
            tell_silence();
            if (output_ready_ && !output_.empty() && !output_.write_some()) return 0;
        }
        output_.tell_skipped();
        return hearing_->missed() || !all_ ? kExitPartial : 0;
    }

private:
    void connect(const std::vector<std::string>& names, const std::vector<std::string>& endpoints,
                 const std::string& topic) {
        auto made =
            io::make_sockets(context_, io::Role::events_in, endpoints, given_.where.deadline());
        for (std::size_t i = 0; i < made.size(); ++i) {
            auto& [socket, failure] = made[i];
            if (!socket) {
                all_ = false;
                std::cerr << "presence watch: " << names[i] << ": " << printable(failure)
                          << "; what happens there is not shown" << std::endl;
                continue;
            }
            socket->set(zmq::sockopt::subscribe, topic);
            socket->set(zmq::sockopt::subscribe, std::string(kTopicTick));
            names_.push_back(names[i]);
            sockets_.push_back(*std::move(socket));
        }
        if (sockets_.empty()) throw NoAnswer("no tracker can be connected to");
    }

    void wait() {
        std::vector<zmq::pollitem_t> items{{nullptr, signals_.fd(), ZMQ_POLLIN, 0},
                                           {nullptr, STDOUT_FILENO, 0, 0}};
        if (!output_.empty()) items[1].events = ZMQ_POLLOUT;
        for (auto& socket : sockets_)
            items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
        const auto left = std::clamp<Duration>(hearing_->next_wakeup() - io::now(), 0s, 1min);
        zmq::poll(items, std::chrono::ceil<std::chrono::milliseconds>(left));
        if (items[0].revents != 0) signals_.read();
        output_ready_ = (items[1].revents & (ZMQ_POLLOUT | ZMQ_POLLERR)) != 0;
    }

    void drain(std::size_t tracker) {
        zmq::socket_t& socket = sockets_[tracker];
        zmq::message_t part;
        for (int n = 0; n < kMessagesPerTurnMax; ++n) {
            if (!socket.recv(part, zmq::recv_flags::dontwait)) return;
            const bool tick = io::view(part) == kTopicTick;
            while (part.more())
                if (!socket.recv(part, zmq::recv_flags::dontwait)) return;
            hearing_->on_message(tracker, io::now());
            const auto event = tick ? std::nullopt : read_user_event(io::view(part));
            // Without the NUL at its end a topic is a prefix of longer ones.
            if (!event || (given_.user && event->user != *given_.user)) continue;
            output_.add((given_.json ? to_json(*event) : io::text_line(*event)) + "\n");
        }
    }

    void tell_silence() {
        for (const auto& news : hearing_->tell(io::now()))
            std::cerr << "presence watch: " << names_[news.tracker]
                      << (news.silent ? " is silent: what happens there is not shown"
                                      : " is heard again after " + for_people(news.silence) +
                                            ": what happened there meanwhile was not shown")
                      << std::endl;
    }

    const Given& given_;
    io::Signals signals_;
    zmq::context_t context_;
    std::vector<std::string> names_;  // of the trackers, as sockets_
    std::vector<zmq::socket_t> sockets_;
    std::optional<Hearing> hearing_;
    SlowOutput output_;
    bool output_ready_ = false;
    bool all_ = true;  // are connected to
};

int run_watch(const Given& given) {
    if (given.user) require_user_id(*given.user);
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
        "transition, in order and at least once, configure a sink.\n\n"
        "Exit codes: 1 a tracker was silent for a time, or its name cannot be looked up, and what\n"
        "happened there is missing; 69 nobody answered.");
}

}  // namespace presence::cli
