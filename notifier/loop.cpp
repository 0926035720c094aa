#include "notifier/loop.hpp"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>
#include <zmq.hpp>

#include "common/config/schema.hpp"
#include "common/follow/counters.hpp"
#include "common/follow/follower.hpp"
#include "common/io/clock.hpp"
#include "common/io/connection.hpp"
#include "common/io/files_log.hpp"
#include "common/io/guard.hpp"
#include "common/io/log.hpp"
#include "common/io/peer_log.hpp"
#include "common/io/readiness.hpp"
#include "common/io/reporter.hpp"
#include "common/io/router.hpp"
#include "common/io/signals.hpp"
#include "common/io/sockets.hpp"
#include "common/wire/notifier_topic.hpp"
#include "notifier/counters.hpp"
#include "notifier/deliver/runners.hpp"

namespace presence::notifier {

namespace {

namespace log = io::log;

// Per socket and turn, so that a flood on one leaves the others their turn, and the sinks theirs:
// fewer events come in with these bytes (2,500) than a sink is given in a turn. What remains is
// read in the next turn, at once.
constexpr int kMessagesPerTurn = 256;
constexpr std::size_t kEventBytesPerTurn = 128 * 1024;
constexpr int kQueriesPerTurn = 16;

const NotifierConfig& own_config(const io::Program& program) {
    return *std::ranges::find(program.config.notifiers, program.id, &NotifierConfig::id);
}

class Loop {
public:
    explicit Loop(const io::Program& program)
        : program_(program),
          trackers_(ids_of(program.config, ProcessKind::tracker)),
          context_(io::make_context()),
          runners_(program.config, program.id) {
        for (const auto& tracker : program.config.trackers)
            links_.emplace_back(
                FollowedTracker{{context_,
                                 io::Role::events_in,
                                 tracker.events,
                                 {std::string(kTopicBatch), std::string(kTopicTick), topic_}},
                                {context_, io::Role::queries_out, tracker.query},
                                {"tracker", tracker.id, tracker.events}});
        if (const auto& own = own_config(program); !own.query.empty()) {
            queries_.emplace(io::make_socket(context_, io::Role::queries_in, own.query_bind));
            guard_.watch(io::Role::queries_in, *queries_);
        }
        log::info("notifier_started", {{"trackers", links_.size()}, {"sinks", runners_.size()}});
    }

    int run() {
        while (!signals_.stop()) {
            wait(runners_.next_wakeup());
            if (signals_.take_reload()) reload();
            for (std::size_t i = 0; i < links_.size(); ++i) {
                links_[i].events.turn(io::now());
                links_[i].queries.turn(io::now());
                // Answers first: a batch that follows on a replay is then the next one.
                receive_answers(i);
                receive_events(i);
            }
            answer_queries();
            deliver();
            report();
        }
        drain();
        end_sinks();
        return 0;
    }

private:
    struct FollowedTracker {
        io::Connection events;
        io::Connection queries;
        io::PeerLog peer;  // heard by its events: a tick comes each second
    };

    void wait(Instant until) {
        std::vector items{io::readable(signals_.fd())};
        for (auto& link : links_) {
            link.events.add_to(items);
            link.queries.add_to(items);
        }
        if (queries_) items.push_back(io::readable(*queries_));
        poll(std::move(items), std::min(until, guard_.wakeup()));
        signals_.read();
    }

    // Also for news of sinks.
    void poll(std::vector<zmq::pollitem_t> items, Instant until) {
        for (const int fd : runners_.fds())
            items.push_back(io::readable(fd));
        const auto now = io::now();
        io::poll(items, std::min(until, now + kPollMax) - now);
    }

    void receive_events(std::size_t tracker) {
        zmq::message_t topic;
        zmq::message_t body;
        std::size_t bytes = 0;
        for (int n = 0; n < kMessagesPerTurn && bytes < kEventBytesPerTurn; ++n) {
            auto& events = links_[tracker].events.socket();
            if (!io::receive(events, topic)) return;
            const bool two = topic.more() && io::receive(events, body);
            const bool whole = two && !body.more();
            bytes += body.size();
            links_[tracker].peer.heard();
            links_[tracker].events.heard();
            while (two && body.more() && io::receive(events, body)) {
            }
            if (whole && topic.to_string_view() == kTopicBatch)
                pass_on(message_of_batch(tracker, trackers_[tracker], body.to_string_view()));
            else if (whole && topic.to_string_view() == kTopicTick)
                pass_on(message_of_tick(tracker, trackers_[tracker], body.to_string_view()));
            else if (whole && topic.to_string_view() == topic_)
                note_shared_id(tracker);
            else
                ++counters_["misshapen"];
        }
    }

    // Each second, while another process follows as this notifier: its sinks are told all, too.
    void note_shared_id(std::size_t tracker) {
        if (!shared_id_heard_)
            log::error("id_shared", {{"id", program_.id},
                                     {"tracker", trackers_[tracker]},
                                     {"why",
                                      "another process runs as this notifier: end one, or "
                                      "give it an id of its own; `presence status` tells "
                                      "where they are"}});
        shared_id_heard_ = io::now();
    }

    void forget_shared_id() {
        if (!shared_id_heard_ || io::now() - *shared_id_heard_ < kSharedIdOver) return;
        shared_id_heard_.reset();
        log::warn("id_shared_no_more", {{"id", program_.id}});
    }

    void pass_on(const TrackerMessagePtr& heard) {
        if (!heard) {
            ++followed_["refused"];
            return;
        }
        runners_.on_heard(heard);
    }

    void receive_answers(std::size_t tracker) {
        zmq::message_t frame;
        for (int n = 0; n < kMessagesPerTurn; ++n) {
            auto& queries = links_[tracker].queries.socket();
            if (!io::receive(queries, frame)) return;
            links_[tracker].queries.heard();
            while (frame.more() && io::receive(queries, frame)) {
            }
            const auto heard = message_of_answer(tracker, frame.to_string_view());
            if (!runners_.on_answer(heard)) ++followed_["refused"];
        }
    }

    // Whoever asks is told how the sinks are.
    void answer_queries() {
        guard_.turn(io::now());
        if (!queries_) return;
        for (int n = 0; n < kQueriesPerTurn; ++n) {
            if (!io::receive_whole(*queries_, query_)) return guard_.on_empty(io::Role::queries_in);
            guard_.on_message(io::Role::queries_in, query_.body);
            io::reply(*queries_, io::view(query_.peer), query_.delimiter,
                      encode_answer(answer_to(decode_query(io::view(query_.body)))));
        }
    }

    [[nodiscard]] Answer answer_to(const std::variant<Query, QueryError>& asked) const {
        Answer answer;
        answer.as_of_ms = millis(io::wall_now());
        if (const auto* const error = std::get_if<QueryError>(&asked)) {
            answer.body = *error;
            answer.rid = error->rid;
            return answer;
        }
        const auto& query = std::get<Query>(asked);
        answer.rid = query.rid;
        if (std::holds_alternative<StatusQuery>(query.op))
            answer.body = SinksAnswer{program_.id, boot_, io::version(),
                                      runners_.status(io::now(), io::wall_offset())};
        else
            answer.body = QueryError{"unknown_op", "a notifier knows status alone", {}, {}};
        return answer;
    }

    void deliver() {
        questions_.clear();
        runners_.turn(io::now(), io::wall_offset(), questions_);
        // A question that does not go out is as one without an answer: it is asked again.
        for (const auto& question : questions_) {
            auto& link = links_[question.tracker].queries;
            io::send(link.socket(), question.bytes);
            link.asked();
        }
    }

    // Trackers are those of the file as it was at the start. A file that is wrong changes no sink,
    // but their own files are opened anew all the same: what rotates them waits for nobody.
    void reload() {
        try {
            running_.sinks = io::reread(program_, running_).sinks;
            runners_.reload(running_, io::now());
            log::info("reloaded", {{"sinks", runners_.size()}});
        } catch (const ConfigError& error) {
            log::error("reload_refused",
                       {{"error", error.what()}, {"files_of_sinks", "opened anew all the same"}});
            runners_.reload(running_, io::now());
        }
    }

    void report() {
        tell_ready();
        forget_shared_id();
        for (auto& link : links_)
            link.peer.turn(io::now());
        files_.turn(io::now());
        reporter_.turn(io::now(), [&] { return numbers(); });
    }

    void tell_ready() {
        const auto now = io::now();
        if (ready_told_ || !runners_.started(now)) return;
        ready_told_ = true;
        io::tell_ready();
        log::info("in_step", {{"online", runners_.online()},
                              {"but_for_sinks", runners_.size() - runners_.in_step()}});
    }

    // The sum over all sinks, but for `online`: each follows the same users.
    [[nodiscard]] std::vector<CounterValue> numbers() const {
        auto followed = followed_;
        auto counters = counters_;
        runners_.add_to(followed, counters);
        std::vector<CounterValue> all;
        followed.append_to(all);
        counters.append_to(all);
        guard_.counters().append_to(all);
        return all;
    }

    // Nothing new comes in; the sinks are told what waits.
    void drain() {
        log::info("notifier_draining");
        const auto deadline = io::now() + kDrain;
        for (deliver(); !runners_.idle() && io::now() < deadline; deliver())
            poll({}, std::min(deadline, runners_.next_wakeup()));
        runners_.each([](const auto& runner) {
            if (!runner.idle())
                log::warn("sink_not_drained",
                          {{"sink", runner.name()}, {"waiting", runner.waiting()}});
        });
    }

    void end_sinks() {
        const auto deadline = io::now() + kSinkEnd;
        runners_.stop(deadline);
        while (!runners_.ended(io::now()) && io::now() < deadline + kSinkEndSlack)
            poll({}, deadline + kSinkEndSlack);
        runners_.tell_abandoned(io::now());
        log::info("notifier_stopped");
    }

    static constexpr Duration kPollMax = 1s;
    static constexpr Duration kSinkEndSlack = 500ms;
    static constexpr Duration kSharedIdOver = 5s;

    const io::Program& program_;
    Config running_ = program_.config;
    const std::uint64_t boot_ = io::make_boot();
    const std::string topic_ = topic_of_notifier(program_.id, boot_);
    std::vector<std::string> trackers_;  // ids
    io::Signals signals_;  // before the context, whose threads inherit the blocked signals
    zmq::context_t context_;
    std::vector<FollowedTracker> links_;
    std::optional<zmq::socket_t> queries_;
    io::RouterMessage query_;
    io::Guard guard_;
    Runners runners_;
    std::vector<Question> questions_;
    FollowCounters followed_;  // beside the sinks'
    NotifierCounters counters_;
    std::optional<Instant> shared_id_heard_;
    bool ready_told_ = false;
    io::FilesLog files_;
    io::Reporter reporter_;
};

}  // namespace

int run(const io::Program& program) {
    return Loop(program).run();
}

}  // namespace presence::notifier
