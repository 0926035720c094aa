#include "collector/loop.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "collector/list_log.hpp"
#include "collector/probe_socket.hpp"
#include "collector/router.hpp"
#include "common/io/clock.hpp"
#include "common/io/connection.hpp"
#include "common/io/files_log.hpp"
#include "common/io/guard.hpp"
#include "common/io/log.hpp"
#include "common/io/peer_log.hpp"
#include "common/io/readiness.hpp"
#include "common/io/reporter.hpp"
#include "common/io/signals.hpp"
#include "common/io/sockets.hpp"
#include "common/throttle.hpp"

namespace presence::collector {

namespace {

namespace log = io::log;

// A turn's input: enough to work in batches, few enough for a flush in time and no stall.
constexpr std::size_t kMessagesPerTurnMax = 5'000;
constexpr std::size_t kBytesPerTurnMax = 1u << 20;
constexpr std::size_t kAcksPerTurnMax = 1'000;
// So many messages share one reading of the clock.
constexpr std::size_t kMessagesPerReading = 64;

// Off saturation it is waking up that costs, not work: after an input was found empty, what comes
// within a nap is read in one turn.
constexpr Duration kNap = 4ms;
// More than this within a turn is saturation: an edge's queue may fill during a nap.
constexpr std::size_t kNapMessagesMax = 500;

constexpr Duration kOpenAgain = 1s;  // after a try that failed

constexpr Duration kWrongInterval = 10s;  // between two lines of `wrong_field`
constexpr Duration kInputStalled = 2s;    // worth a line, as often as this:
constexpr Duration kTellInput = 10s;

constexpr int kIoThreads = 2;  // one is the input's alone

// How long a collector that ends waits for trackers to have everything.
constexpr Duration kGoodbyeMax = 3s;
constexpr Duration kLastReadMax = 200ms;

const CollectorConfig& own_config(const io::Program& program) {
    const auto& all = program.config.collectors;
    return *std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.id == program.id; });
}

RouterOptions options_of(const io::Program& program) {
    const auto& presence = program.config.presence;
    RouterOptions options;
    options.cluster = presence.cluster;
    options.collector = program.id;
    options.boot = io::make_boot();
    options.began = io::now();
    options.timeout = presence.timeout;
    options.resend_bytes_max = presence.resend_bytes_max;
    options.backlog_max = presence.backlog_max;
    options.grace = presence.collector_grace_or_timeout();
    options.lease = RouterOptions::lease_for(options.grace);
    options.probed = true;
    return options;
}

class Loop {
public:
    explicit Loop(const io::Program& program)
        : program_(program),
          addresses_(
              io::addresses_of(io::Role::heartbeats_in, own_config(program).heartbeats_bind)),
          context_(io::make_context(kIoThreads)),
          router_(options_of(program), slot_map_of(program.config)),
          heartbeats_(io::make_socket(context_, io::Role::heartbeats_in, addresses_)) {
        connect(program.config.trackers);
    }

    int run() {
        log::info("started", {{"version", io::version()},
                              {"heartbeats", own_config(program_).heartbeats_bind},
                              {"trackers", trackers_.size()},
                              {"map_version", router_.map().version}});
        guard_.watch(io::Role::heartbeats_in, *heartbeats_);
        while (!signals_.stop()) {
            wait();
            turn();
            guard_.turn(turn_began_);
            reporter_.watch(turn_began_);
            if (!ready_ && router_.heard_by_all()) {
                ready_ = true;
                io::tell_ready();
            }
            report();
            if (signals_.take_reload()) reload();
        }
        leave();
        return 0;
    }

private:
    struct Tracker {
        std::string endpoint;
        io::Connection link;
        io::PeerLog peer;
        std::uint64_t other_told{};  // the run that shares our id, as logged
    };

    void turn() {
        turn_began_ = io::now();
        turn_links();
        router_.begin_turn(turn_began_);
        probes_.receive([this](std::uint64_t number) { router_.on_probe(number, io::now()); });
        open_or_close();
        const bool reads = heartbeats_ && router_.input() == ReadLease::State::open;
        drained_ = reads && receive_heartbeats();
        more_ = reads && !drained_;
        receive_acks();
        const Instant now = io::now();
        router_.end_turn(now, drained_, out_);
        if (const auto probe = router_.probe(now)) probes_.send(*probe);
        send();
    }

    void turn_links() {
        for (auto& [id, tracker] : trackers_)
            tracker.link.turn(turn_began_);
    }

    void wait() {
        const Instant wakeup = router_.next_wakeup();
        if (drained_ && received_ > 0 && received_ <= kNapMessagesMax) {
            const Instant nap_end = std::min(turn_began_ + kNap, wakeup);
            std::vector signal{io::readable(signals_.fd())};
            const Duration left = nap_end - io::now();
            if (left > Duration{0}) io::poll(signal, left);
        }
        std::vector items{io::readable(signals_.fd())};
        if (heartbeats_ && router_.input() == ReadLease::State::open)
            items.push_back(io::readable(*heartbeats_));
        for (auto& id : router_.map().trackers)
            trackers_.at(id).link.add_to(items);
        io::poll(items, more_ ? Duration{0} : wakeup - io::now());
        if (items[0].revents != 0) signals_.read();
    }

    // As the router wants it. An edge of a closed input goes to another collector, or waits.
    void open_or_close() {
        const bool wanted = router_.input() != ReadLease::State::closed;
        if (leaving_ || wanted == heartbeats_.has_value()) return;
        if (wanted) return open();
        log::error("input_closed", {{"why", "no tracker answers"}});
        close();
    }

    void open() {
        if (turn_began_ < open_at_) return;
        try {
            heartbeats_ = io::make_socket(context_, io::Role::heartbeats_in, addresses_);
            guard_.watch(io::Role::heartbeats_in, *heartbeats_);
            router_.on_opened(io::now());
            log::warn("input_opened");
        } catch (const io::SocketError& error) {
            log::error("input_not_opened", {{"reason", error.what()}});
            open_at_ = turn_began_ + kOpenAgain;
        }
    }

    // Unbound first, so that it can be bound again at once.
    void close() {
        io::unbind(*heartbeats_, addresses_);
        heartbeats_.reset();
        received_ = 0;
    }

    // True if the input was found empty.
    bool receive_heartbeats() {
        std::size_t bytes = 0;
        bool empty = false;
        received_ = 0;
        while (!empty && received_ < kMessagesPerTurnMax && bytes < kBytesPerTurnMax) {
            const auto count = receive_some(bytes, empty);
            // Read after they were received: none may seem to have come before it did.
            const Instant now = io::now();
            for (std::size_t n = 0; n < count; ++n)
                router_.on_message(io::view(messages_[n]), now);
        }
        if (empty) guard_.on_empty(io::Role::heartbeats_in);
        return empty;
    }

    // How many messages are in messages_ now.
    std::size_t receive_some(std::size_t& bytes, bool& empty) {
        std::size_t count = 0;
        while (count < messages_.size() && bytes < kBytesPerTurnMax) {
            auto& message = messages_[count];
            if (empty = !io::receive(*heartbeats_, message); empty) break;
            guard_.on_message(io::Role::heartbeats_in, message);
            bytes += message.size();
            ++received_;
            if (message.more())
                skip_parts();
            else
                ++count;
        }
        return count;
    }

    // A message has all its parts as soon as it has one.
    void skip_parts() {
        router_.on_multipart();
        zmq::message_t part;
        do {
            if (!io::receive(*heartbeats_, part)) return;
        } while (part.more());
    }

    void receive_acks() {
        const auto& ids = router_.map().trackers;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            auto& tracker = trackers_.at(ids[i]);
            zmq::message_t message;
            for (std::size_t n = 0; n < kAcksPerTurnMax; ++n) {
                if (!io::receive(tracker.link.socket(), message)) break;
                if (!router_.on_ack(i, io::view(message), io::now())) continue;
                tracker.peer.heard();
                tracker.link.heard();
            }
        }
    }

    // A link that cannot take a frame now loses it: the router sends it again.
    void send() {
        const auto& ids = router_.map().trackers;
        for (const auto& outgoing : out_)
            io::send(trackers_.at(ids[outgoing.tracker]).link.socket(), outgoing.frame);
        out_.clear();
    }

    void connect(const std::vector<TrackerConfig>& trackers) {
        std::map<std::string, Tracker> next;
        for (const auto& tracker : trackers) {
            const auto known = trackers_.find(tracker.id);
            if (known != trackers_.end() && known->second.endpoint == tracker.ingest) continue;
            next.emplace(tracker.id,
                         Tracker{tracker.ingest,
                                 io::Connection(context_, io::Role::frames_out, tracker.ingest),
                                 {"tracker", tracker.id, tracker.ingest}});
        }
        // Nothing throws from here on.
        for (const auto& tracker : trackers)
            if (const auto known = trackers_.find(tracker.id); !next.contains(tracker.id))
                next.insert(trackers_.extract(known));
        trackers_ = std::move(next);
    }

    // All or nothing: a file that is wrong, or a map that is not newer, changes nothing.
    void reload() {
        try {
            const auto config = io::reread(program_, running_);
            auto map = slot_map_of(config);
            const bool newer = map.version > router_.map().version;
            if (newer) {
                connect(config.trackers);
                router_.adopt(std::move(map));
                running_.take_trackers(config);
            }
            log::info("reloaded", {{"map_version", router_.map().version}, {"adopted", newer}});
        } catch (const std::exception& error) {
            log::error("reload_refused", {{"error", error.what()}});
        }
    }

    // Takes nothing new, reads what has come, says goodbye and waits for the acknowledgements.
    void leave() {
        log::info("stopping");
        leaving_ = true;
        const Instant began = io::now();
        if (heartbeats_) {
            io::unbind(*heartbeats_, addresses_);
            do {
                turn();
            } while (more_ && io::now() - began < kLastReadMax);
        }
        heartbeats_.reset();
        router_.goodbye(io::now(), out_);
        send();
        received_ = 0;
        more_ = false;
        while (!router_.all_acknowledged() && io::now() - began < kGoodbyeMax) {
            wait();
            turn_began_ = io::now();
            turn_links();
            router_.begin_turn(turn_began_);
            receive_acks();
            router_.end_turn(io::now(), false, out_);
            send();
        }
        log::info("stopped", {{"acknowledged", router_.all_acknowledged()}});
    }

    // A copied unit, or a new process started before the old has ended: both work, and hold each
    // other's event time.
    void tell_shared_id() {
        const auto& ids = router_.map().trackers;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            auto& told = trackers_.at(ids[i]).other_told;
            const auto& other = router_.other_told_by(i);
            const auto boot = other ? other->boot : 0;
            if (std::exchange(told, boot) == boot) continue;
            if (other)
                log::error("id_shared", {{"id", program_.id},
                                         {"tracker", ids[i]},
                                         {"other_from", other->address},
                                         {"other_boot", other->boot},
                                         {"why",
                                          "another process runs as this collector: end "
                                          "one, or give it an id of its own"}});
            else
                log::warn("id_shared_no_more", {{"id", program_.id}, {"tracker", ids[i]}});
        }
    }

    // What feeds the input shows no life: told while it lasts, and when it is over.
    void report_input() {
        const auto silence = router_.input_silence(turn_began_);
        if (silence < kInputStalled) {
            if (tell_input_.reset()) log::warn("input_goes_on");
        } else if (tell_input_.take(turn_began_)) {
            log::error("input_stalled", {{"since_ms", silence / 1ms},
                                         {"why", "the thread that reads connections is stuck"}});
        }
    }

    void report() {
        lists_.turn(router_);
        report_input();
        for (auto& [id, tracker] : trackers_)
            tracker.peer.turn(turn_began_);
        tell_shared_id();
        files_.turn(io::now());
        tell_wrong(io::now());
        reporter_.turn(io::now(), [this] {
            std::vector<CounterValue> all;
            router_.counters().append_to(all);
            guard_.counters().append_to(all);
            router_.rejects().append_to(all);
            return all;
        });
    }

    // The counters say how many there are; one line says whose to look at.
    void tell_wrong(Instant now) {
        if (!tell_wrong_.due(now)) return;
        const auto wrong = router_.take_wrong();
        if (!wrong) return;
        tell_wrong_.spend(now);
        log::warn(
            "wrong_field",
            {{"reason", wrong->field.name()},
             {"user", wrong->user},
             {"edge", wrong->edge},
             {"heartbeat", wrong->field == Reject("stale") ? "is left out" : "counts without it"}});
    }

    const io::Program& program_;
    Config running_ = program_.config;
    io::Signals signals_;
    const std::vector<std::string> addresses_;  // of the input
    zmq::context_t context_;
    Router router_;
    ProbeSocket probes_{context_};
    std::optional<zmq::socket_t> heartbeats_;  // opened after the router began
    std::map<std::string, Tracker> trackers_;  // by id
    ListLog lists_;
    io::FilesLog files_;
    io::Guard guard_;
    io::Reporter reporter_;
    std::vector<Outgoing> out_;
    Instant turn_began_{};
    std::array<zmq::message_t, kMessagesPerReading> messages_;
    std::size_t received_ = 0;  // messages in the last turn
    bool drained_ = true;
    bool more_ = false;  // to be read at once
    bool leaving_ = false;
    Throttle tell_wrong_{kWrongInterval}, tell_input_{kTellInput};
    Instant open_at_{};   // after a try that failed: not before
    bool ready_ = false;  // as told
};

}  // namespace

int run(const io::Program& program) {
    return Loop(program).run();
}

}  // namespace presence::collector
