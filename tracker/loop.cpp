#include "tracker/loop.hpp"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>
#include <zmq.hpp>

#include "common/io/clock.hpp"
#include "common/io/files_log.hpp"
#include "common/io/guard.hpp"
#include "common/io/log.hpp"
#include "common/io/readiness.hpp"
#include "common/io/reporter.hpp"
#include "common/io/router.hpp"
#include "common/io/signals.hpp"
#include "common/io/sockets.hpp"
#include "common/store/machine.hpp"
#include "tracker/health_log.hpp"
#include "tracker/persistence.hpp"
#include "tracker/tracker.hpp"

namespace presence::tracker {

namespace {

namespace log = io::log;

// Of each socket, a turn: enough to work in batches, few enough to keep deadlines.
constexpr std::size_t kFramesPerTurnMax = 16;
constexpr std::size_t kQueriesPerTurnMax = 64;
// Subscriptions are read to their end, if that comes soon: libzmq takes all that has come out of
// its bounded queues, and what we leave it keeps without a bound. So many in any case, as on a busy
// machine time may pass without us.
constexpr std::size_t kSubscriptionsPerTurnMin = 10'000;
constexpr Duration kSubscriptionsPerTurnMax = 20ms;

// How long a tracker that ends waits for its disk.
constexpr Duration kLastWritesMax = 3s;

const TrackerConfig& own_config(const io::Program& program) {
    const auto& all = program.config.trackers;
    return *std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.id == program.id; });
}

TrackerOptions options_of(const io::Program& program, const Persistence& storage) {
    const auto& presence = program.config.presence;
    TrackerOptions options;
    options.cluster = presence.cluster;
    options.tracker = program.id;
    options.boot = io::make_boot();
    options.started_unix_ms = millis(io::wall_now());
    options.timeout = presence.timeout;
    options.collector_grace = presence.collector_grace_or_timeout();
    options.edge_timeout = presence.edge_timeout;
    options.linger = presence.linger;
    options.edge_grace = presence.edge_grace;
    options.edge_lost_rate = presence.edge_lost_rate;
    options.freeze_max = presence.freeze_max_or_default();
    options.users_max = presence.users_max;
    std::set<std::string> collectors;
    for (const auto& collector : program.config.collectors)
        collectors.insert(collector.id);
    for (auto& known : storage.collectors())
        collectors.insert(std::move(known));
    options.collectors_expected.assign(collectors.begin(), collectors.end());
    options.clock = io::machine_boot();
    options.journal = storage.on();
    options.trackers = program.config.trackers;
    options.version = io::version();
    return options;
}

class Loop {
public:
    explicit Loop(const io::Program& program)
        : program_(program),
          context_(io::make_context()),
          frames_(socket(io::Role::frames_in, own_config(program).ingest_bind)),
          events_(socket(io::Role::events_out, own_config(program).events_bind)),
          queries_(socket(io::Role::queries_in, own_config(program).query_bind)),
          persistence_(program, own_config(program)),
          tracker_(options_of(program, persistence_), slot_map_of(program.config), io::now()) {}

    int run() {
        persistence_.begin(tracker_);
        guard_.watch(io::Role::frames_in, frames_);
        guard_.watch(io::Role::events_out, events_);
        guard_.watch(io::Role::queries_in, queries_);
        log::info("started", {{"version", io::version()},
                              {"ingest", own_config(program_).ingest_bind},
                              {"events", own_config(program_).events_bind},
                              {"query", own_config(program_).query_bind}});
        io::tell_ready();
        while (!signals_.stop()) {
            wait();
            receive_subscriptions();
            receive_frames();
            receive_queries();
            turn();
            guard_.turn(io::now());
            reporter_.watch(io::now());
            report();
            if (signals_.take_reload()) reload();
        }
        leave();
        log::info("stopped");
        return 0;
    }

private:
    zmq::socket_t socket(io::Role role, const std::string& endpoint) {
        return io::make_socket(context_, role, endpoint);
    }

    void turn() {
        persistence_.turn(tracker_, ready_);
        tracker_.end_turn(io::now(), io::wall_offset(), out_);
        persistence_.take(out_, ready_);
        publish();
        reply();
    }

    void leave() {
        if (program_.config.presence.on_shutdown == OnShutdown::offline)
            tracker_.end_all(io::now(), io::wall_offset());
        tracker_.end_turn(io::now(), io::wall_offset(), out_);
        persistence_.take(out_, ready_);
        persistence_.stop(kLastWritesMax, ready_);
        publish();
        reply();
    }

    void wait() {
        const auto now = io::now();
        const auto left = std::min(tracker_.next_wakeup(now), guard_.wakeup()) - now;
        std::vector items{io::readable(signals_.fd()), io::readable(queries_),
                          io::readable(events_), io::readable(frames_)};
        if (persistence_.fd() >= 0) items.push_back(io::readable(persistence_.fd()));
        io::poll(items, std::max(left, Duration{0}));
        if (items[0].revents != 0) signals_.read();
    }

    void receive_subscriptions() {
        const auto until = io::now() + kSubscriptionsPerTurnMax;
        zmq::message_t message;
        for (std::size_t n = 1; n % kSubscriptionsPerTurnMin != 0 || io::now() < until; ++n) {
            if (!io::receive(events_, message)) {
                tracker_.on_no_subscriber();
                guard_.on_empty(io::Role::events_out);
                break;
            }
            guard_.on_message(io::Role::events_out, message);
            tracker_.on_subscriber(io::connection_of(message), io::view(message),
                                   io::address_of(message));
        }
        for (const auto& unwelcome : tracker_.take_unwelcome())
            guard_.end(io::Role::events_out, unwelcome);
    }

    // False: there is none.
    bool receive(io::Role role, zmq::socket_t& socket, io::RouterMessage& into) {
        if (!io::receive_whole(socket, into)) {
            guard_.on_empty(role);
            return false;
        }
        guard_.on_message(role, into.body);
        return true;
    }

    // All are received before the clock is read: a frame must never seem to come before it did.
    void receive_frames() {
        std::size_t count = 0;
        while (count < kFramesPerTurnMax && receive(io::Role::frames_in, frames_, received_[count]))
            ++count;
        const auto now = io::now();
        const auto wall = io::wall_offset();
        for (std::size_t n = 0; n < count; ++n)
            tracker_.on_frame(io::view(received_[n].peer), io::view(received_[n].body), now, wall,
                              io::address_of(received_[n].body));
    }

    // A peer that asked as REQ does gets the delimiter back: told apart by a mark before its id.
    void receive_queries() {
        if (!tracker_.takes_questions()) return;
        io::RouterMessage& query = received_[0];
        for (std::size_t n = 0;
             n < kQueriesPerTurnMax && receive(io::Role::queries_in, queries_, query); ++n) {
            std::string peer(query.delimiter ? "d" : "-");
            peer += io::view(query.peer);
            tracker_.on_query(peer, io::view(query.body));
        }
    }

    void publish() {
        for (auto& publication : ready_.publications) {
            events_.send(zmq::buffer(publication.topic),
                         zmq::send_flags::sndmore | zmq::send_flags::dontwait);
            events_.send(zmq::buffer(publication.bytes), zmq::send_flags::dontwait);
        }
    }

    // A peer that is gone or does not read loses its message; it asks or resends by itself.
    void reply() {
        for (const auto& ack : ready_.acks)
            io::reply(frames_, ack.peer, false, ack.bytes);
        for (const auto* answers : {&ready_.snapshots, &ready_.answers})
            for (const auto& answer : *answers)
                io::reply(queries_, std::string_view(answer.peer).substr(1), answer.peer[0] == 'd',
                          answer.bytes);
        ready_.clear();
    }

    void report() {
        life_.turn(io::now(), tracker_);
        files_.turn(io::now());
        reporter_.turn(io::now(), [&] {
            std::vector<CounterValue> all;
            tracker_.counters().append_to(all);
            guard_.counters().append_to(all);
            return all;
        });
    }

    // All or nothing: a file that is wrong, or a map that is not newer, changes nothing.
    void reload() {
        try {
            const auto config = io::reread(program_, running_);
            if (config.presence.map_version > running_.presence.map_version) {
                tracker_.adopt(slot_map_of(config), config.trackers, io::now(),
                               millis(io::wall_now()));
                running_.take_trackers(config);
            }
            tracker_.expect(config.collectors, io::now());
            log::info("reloaded", {{"map_version", running_.presence.map_version}});
        } catch (const ConfigError& error) {
            log::error("reload_refused", {{"error", error.what()}});
        }
    }

    const io::Program& program_;
    io::Signals signals_;
    zmq::context_t context_;
    zmq::socket_t frames_;
    zmq::socket_t events_;
    zmq::socket_t queries_;
    Persistence persistence_;
    Tracker tracker_;
    io::Guard guard_;
    Config running_ = program_.config;
    io::FilesLog files_;
    io::Reporter reporter_;
    HealthLog life_;
    Output out_;    // of the turn
    Output ready_;  // to be sent
    std::array<io::RouterMessage, kFramesPerTurnMax> received_;
};

}  // namespace

int run(const io::Program& program) {
    // glibc raises this threshold when a large block is freed; large vectors would then leave holes
    // in the heap between the roster's long-lived blocks. Frames stay below it: they are reused.
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    return Loop(program).run();
}

}  // namespace presence::tracker
