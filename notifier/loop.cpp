#include "notifier/loop.hpp"

#include <poll.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/config/schema.hpp"
#include "common/follow/counters.hpp"
#include "common/follow/follower.hpp"
#include "common/io/clock.hpp"
#include "common/io/connection.hpp"
#include "common/io/files_log.hpp"
#include "common/io/log.hpp"
#include "common/io/peer_log.hpp"
#include "common/io/private_files.hpp"
#include "common/io/readiness.hpp"
#include "common/io/reporter.hpp"
#include "common/io/signals.hpp"
#include "common/io/sockets.hpp"
#include "common/store/store.hpp"
#include "common/wire/notifier_topic.hpp"
#include "notifier/counters.hpp"
#include "notifier/deliver/sink_runner.hpp"

namespace presence::notifier {

namespace {

namespace log = io::log;

// Per socket and turn, so that a flood on one leaves the others their turn, and the sinks theirs:
// fewer events come in with these bytes (2,500) than a sink is given in a turn. What remains is
// read in the next turn, at once.
constexpr int kMessagesPerTurn = 256;
constexpr std::size_t kEventBytesPerTurn = 128 * 1024;

// Under way at once per tracker, of all sinks: what a tracker answers beyond its high-water mark of
// 100 is dropped, and each answer lost is a wait for its timeout. libzmq tells the sender of what
// was read by the half of that mark only, so the other half is what there is room for.
constexpr std::size_t kQuestionsMax = 48;

FollowerOptions follower_options(const Config& config, const std::string& notifier) {
    FollowerOptions options;
    options.trackers = ids_of(config, ProcessKind::tracker);
    const auto sinks = std::count_if(config.sinks.begin(), config.sinks.end(),
                                     [&](const auto& sink) { return sink.notifier == notifier; });
    const auto share = kQuestionsMax / std::max<std::size_t>(static_cast<std::size_t>(sinks), 1);
    options.questions_max = std::clamp<std::size_t>(share, 1, options.questions_max);
    options.users_max =
        config.presence.users_max * std::max<std::size_t>(config.trackers.size(), 1);
    return options;
}

class Loop {
public:
    explicit Loop(const io::Program& program)
        : program_(program),
          trackers_(ids_of(program.config, ProcessKind::tracker)),
          context_(io::make_context()) {
        for (const auto& tracker : program.config.trackers)
            links_.emplace_back(
                FollowedTracker{{context_,
                                 io::Role::events_in,
                                 tracker.events,
                                 {std::string(kTopicBatch), std::string(kTopicTick), topic_}},
                                {context_, io::Role::queries_out, tracker.query},
                                {"tracker", tracker.id, tracker.events}});
        for (const auto& sink : program.config.sinks)
            if (sink.notifier == program.id) open(program, sink);
        warn_of_data();
        log::info("notifier_started", {{"trackers", links_.size()}, {"sinks", runners_.size()}});
    }

    int run() {
        while (!signals_.stop()) {
            wait(next_channel_wakeup());
            if (signals_.take_reload()) reopen();
            for (std::size_t i = 0; i < links_.size(); ++i) {
                links_[i].events.turn(io::now());
                links_[i].queries.turn(io::now());
                // Answers first: a batch that follows on a replay is then the next one.
                receive_answers(i);
                receive_events(i);
            }
            deliver();
            report();
        }
        drain();
        end_sinks();
        return 0;
    }

private:
    void open(const io::Program& program, const SinkConfig& sink) {
        auto options = follower_options(program.config, program.id);
        options.first_rid = (std::uint64_t{runners_.size()} << kRidBits) + 1;
        options.user_prefix = sink.user_prefix;
        const auto& presence = program.config.presence;
        io::Store::Options store;
        store.directory = directory_of(program.config, sink);
        store.owner =
            "sink " + sink.name + " of notifier " + program.id + " of " + presence.cluster;
        // Where trackers keep nothing a sink keeps its place all the same.
        if (presence.durability == Durability::power)
            store.durability = io::Store::Durability::power;
        runners_.emplace_back(sink, std::move(options), slot_map_of(program.config), store,
                              presence.cluster);
    }

    // Who may enter the directory of all sinks; and data in it that a sink which was renamed or
    // removed left, or another notifier's.
    void warn_of_data() const {
        std::set<std::filesystem::path> owned;
        for (const auto& sink : program_.config.sinks)
            owned.insert(directory_of(program_.config, sink));
        for (const auto& notifier : program_.config.notifiers) {
            if (notifier.id != program_.id) continue;
            io::warn_if_open_to_others(notifier.data);
            for (const auto& directory : io::Store::stores_in(notifier.data))
                if (!owned.contains(directory))
                    log::warn("sink_data_unowned",
                              {{"data", std::filesystem::absolute(directory).string()}});
        }
    }

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
        poll(std::move(items), until);
        signals_.read();
    }

    // Also for news of sinks.
    void poll(std::vector<zmq::pollitem_t> items, Instant until) {
        for (const auto& channel : runners_)
            items.push_back(io::readable(channel.fd()));
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
        for (auto& channel : runners_)
            channel.on_heard(heard);
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
            const auto rid = heard ? std::get<Answer>(heard->message).rid.value_or(0) : 0;
            if (const auto whose = rid >> kRidBits; rid != 0 && whose < runners_.size())
                runners_[whose].on_heard(heard);
            else
                ++followed_["refused"];
        }
    }

    // A question's number tells whose it is: the index of the channel is in its upper bits.
    static constexpr int kRidBits = 40;

    void deliver() {
        questions_.clear();
        const auto wall = io::wall_offset();
        const auto now = io::now();
        for (auto& channel : runners_)
            channel.turn(now, wall, questions_);
        // A question that does not go out is as one without an answer: it is asked again.
        for (const auto& question : questions_) {
            auto& link = links_[question.tracker].queries;
            io::send(link.socket(), question.bytes);
            link.asked();
        }
    }

    [[nodiscard]] Instant next_channel_wakeup() const {
        auto wakeup = Instant::max();
        for (const auto& channel : runners_)
            wakeup = std::min(wakeup, channel.next_wakeup());
        return wakeup;
    }

    // Trackers and sinks are those of the file as it was at the start.
    void reopen() {
        bool accepted = true;
        try {
            (void)io::reread(program_, program_.config);
        } catch (const ConfigError& error) {
            log::error("reload_refused",
                       {{"error", error.what()}, {"files_of_sinks", "opened anew all the same"}});
            accepted = false;
        }
        if (accepted) log::info("sinks_reopened");
        for (auto& channel : runners_)
            channel.reopen();
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
        if (ready_told_ || !std::all_of(runners_.begin(), runners_.end(),
                                        [&](auto& channel) { return channel.started(now); }))
            return;
        ready_told_ = true;
        io::tell_ready();
        const auto late = std::count_if(runners_.begin(), runners_.end(),
                                        [](const auto& channel) { return !channel.in_step(); });
        log::info("in_step", {{"online", online()}, {"but_for_sinks", late}});
    }

    // The sum over all sinks, but for `online`: each follows the same users.
    [[nodiscard]] std::vector<CounterValue> numbers() const {
        auto followed = followed_;
        auto counters = counters_;
        for (const auto& channel : runners_) {
            followed += channel.followed();
            counters += channel.counters();
        }
        counters["online"] = online();
        std::vector<CounterValue> all;
        followed.append_to(all);
        counters.append_to(all);
        return all;
    }

    [[nodiscard]] std::uint64_t online() const {
        std::uint64_t most = 0;
        for (const auto& channel : runners_)
            most = std::max(most, channel.online());
        return most;
    }

    // Nothing new comes in; the sinks are told what waits.
    void drain() {
        log::info("notifier_draining");
        const auto deadline = io::now() + kDrain;
        const auto idle = [&] {
            return std::all_of(runners_.begin(), runners_.end(), [](const auto& channel) {
                return channel.idle() || channel.gone();
            });
        };
        for (deliver(); !idle() && io::now() < deadline; deliver())
            poll({}, std::min(deadline, next_channel_wakeup()));
        for (const auto& channel : runners_)
            if (!channel.idle())
                log::warn("sink_not_drained",
                          {{"sink", channel.name()}, {"waiting", channel.waiting()}});
    }

    void end_sinks() {
        const auto deadline = io::now() + kSinkEnd;
        for (auto& channel : runners_)
            channel.stop(deadline);
        for (auto& channel : runners_) {
            // Each has its own descriptor to wait on, so those that have ended do not wake us.
            pollfd news{channel.fd(), POLLIN, 0};
            while (!channel.ended(io::now()) && io::now() < deadline + kSinkEndSlack)
                (void)::poll(&news, 1, io::poll_timeout(deadline + kSinkEndSlack));
            if (!channel.ended(io::now())) log::warn("sink_abandoned", {{"sink", channel.name()}});
        }
        log::info("notifier_stopped");
    }

    static constexpr Duration kPollMax = 1s;
    static constexpr Duration kSinkEndSlack = 500ms;
    static constexpr Duration kSharedIdOver = 5s;

    const io::Program& program_;
    const std::string topic_ = topic_of_notifier(program_.id, io::make_boot());
    std::vector<std::string> trackers_;  // ids
    io::Signals signals_;  // before the context, whose threads inherit the blocked signals
    zmq::context_t context_;
    std::vector<FollowedTracker> links_;
    std::deque<SinkRunner> runners_;
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
