#include "cli/bench/bench.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>

#include "cli/asker.hpp"
#include "cli/bench/load.hpp"
#include "cli/bench/processes.hpp"
#include "cli/bench/report.hpp"
#include "cli/bench/sink.hpp"
#include "cli/commands.hpp"
#include "cli/up/config_copy.hpp"
#include "cli/up/pipeline.hpp"
#include "common/io/clock.hpp"
#include "common/io/config_file.hpp"
#include "common/io/program.hpp"
#include "common/io/temporary_directory.hpp"

namespace presence::cli {
namespace {

constexpr Duration kReadyWithin = 10s;
constexpr Duration kSettleWithin = 30s;  // all online, all applied, all offline: beyond what is due
constexpr std::uint64_t kAheadMax = 200'000;  // heartbeats sent but not applied, saturated
constexpr Duration kQuiet = 300ms;            // without a heartbeat applied: all are
constexpr Duration kAllowance = 2s;  // from the time a transition is due until it is missing
constexpr Duration kDrawEvery = 200ms;

Duration interval_of(const BenchOptions& options) {
    if (options.rate > 0)
        return Duration{static_cast<std::int64_t>(1e6 * static_cast<double>(options.users) /
                                                  static_cast<double>(options.rate))};
    return options.interval.value_or(5s);
}

std::filesystem::path sink_file(const std::filesystem::path& data) {
    return data / "events.jsonl";
}

Config private_config(const BenchOptions& options, const std::filesystem::path& data) {
    const auto free = free_endpoints(1 + 3 * options.trackers);
    Config config = default_config(1, options.trackers);
    config.presence.timeout =
        std::max(options.ttl.value_or(3 * interval_of(options)), Duration{1s});
    config.presence.log_level = LogLevel::warn;
    config.collectors[0].heartbeats = config.collectors[0].heartbeats_bind = free[0];
    for (std::size_t i = 0; i < config.trackers.size(); ++i) {
        auto& tracker = config.trackers[i];
        tracker.ingest = tracker.ingest_bind = free[3 * i + 1];
        tracker.events = tracker.events_bind = free[3 * i + 2];
        tracker.query = tracker.query_bind = free[3 * i + 3];
        tracker.data = data / tracker.id;
    }
    config.sinks.clear();
    if (options.sink) {
        config.notifiers[0].query.clear();
        config.notifiers[0].query_bind.clear();
        config.notifiers[0].data = data / "notifier";
        auto& sink = config.sinks.emplace_back();
        sink.name = "jsonl";
        sink.type = SinkType::jsonl;
        sink.notifier = config.notifiers[0].id;
        sink.path = sink_file(data);
    } else {
        config.notifiers.clear();
    }
    return config;
}

// A bar on stderr where a person looks at it.
class Progress {
public:
    void draw(std::string_view what, double done, std::string_view more) {
        const auto now = io::now();
        if (!terminal_ || now - drawn_ < kDrawEvery) return;
        drawn_ = now;
        std::cerr << '\r' << progress_line(what, done, more, columns()) << "\033[K" << std::flush;
    }
    void clear() {
        if (terminal_) std::cerr << "\r\033[K" << std::flush;
    }

private:
    static std::size_t columns() {
        winsize size{};
        const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        return known ? size.ws_col : 80;
    }

    bool terminal_ = ::isatty(STDERR_FILENO) != 0;
    Instant drawn_{};
};

std::vector<std::string> events_of(const Config& config) {
    std::vector<std::string> all;
    for (const auto& tracker : config.trackers)
        all.push_back(tracker.events);
    return all;
}

class Bench {
public:
    Bench(const BenchOptions& options, const std::optional<Config>& theirs)
        : options_(options),
          config_(theirs ? *theirs : private_config(options, data_.path)),
          context_(io::make_context()),
          asker_(context_, 5s),
          sink_(sink_file(data_.path)) {
        if (!theirs)
            pipeline_ = std::make_unique<Pipeline>(
                config_, std::vector<std::string>{"--config", copy_.emplace(config_).path()});
        await_pipeline();
        events_ = std::make_unique<BenchEvents>(context_, events_of(config_));
        load_ =
            std::make_unique<BenchLoad>(context_, config_.collectors[0].heartbeats, *events_,
                                        options, interval_of(options), config_.presence.timeout);
        await_events();
        processes_ = parse_processes(options.pids);
        if (pipeline_)
            for (const auto& [name, pid] : pipeline_->running())
                processes_.push_back({name, pid});
    }

    BenchReport run() {
        BenchReport report;
        report.users = options_.users;
        for (const auto& process : processes_)
            report.processes.push_back({process.name, 0, -use_of(process).resident_bytes});
        const auto before = applied();
        arrive(report, before);
        load(report, before);
        if (options_.sink) catch_up(report);
        fall_silent();
        judge(report);
        progress_.clear();
        return report;
    }

private:
    void await_pipeline() {
        if (!pipeline_) return;
        for (const auto deadline = io::now() + kReadyWithin; !pipeline_->ready();) {
            pipeline_->turn(io::now());
            if (io::now() > deadline) throw NoAnswer("no word from " + pipeline_->missing());
            io::poll({}, 5ms);
        }
        pipeline_->supervision().on_ready();
    }

    // Before anything is sent: nothing that is told may be missed.
    void await_events() {
        const auto deadline = io::now() + kReadyWithin;
        while (!events_->connected()) {
            if (io::now() > deadline) throw NoAnswer("no tick from the trackers' events");
            io::poll({}, 5ms);
        }
    }

    // Keeps the load going until `done` is 1; gives up, for judge() to tell, after `within`.
    template <class Done>
    bool until(std::string_view what, Duration within, Done&& done) {
        for (const auto deadline = io::now() + within; io::now() < deadline;) {
            const double share = done();
            if (share >= 1) return true;
            turn(what, share, false);
        }
        return false;
    }

    void turn(std::string_view what, double share, bool saturate) {
        if (pipeline_) pipeline_->turn(io::now());
        load_->turn(saturate);
        progress_.draw(what, share,
                       fmt::format("{} sent, {} online, {} transitions", load_->sent(),
                                   load_->truth().online(), load_->truth().transitions()));
    }

    // The trackers' own count of heartbeats, all of them together.
    std::uint64_t applied() {
        std::uint64_t sum = 0;
        for (const auto& tracker : config_.trackers) {
            const auto answer = asker_.ask(tracker.query, {StatusQuery{}, {}});
            for (const auto& [name, number] : std::get<StatusAnswer>(answer.body).numbers)
                if (name == "heartbeats") sum += static_cast<std::uint64_t>(number);
        }
        return sum;
    }

    // Sends nothing meanwhile. Less than `wanted` is applied if a collector that was ahead of its
    // tracker has merged heartbeats of a user; then it is over when no more come.
    std::uint64_t await_applied(std::uint64_t wanted) {
        std::uint64_t reached = applied();
        for (auto rose = io::now(); reached < wanted && io::now() - rose < kQuiet;) {
            io::poll({}, 2ms);
            const auto next = applied();
            if (next != reached) rose = io::now();
            reached = next;
        }
        return reached;
    }

    // A collector never waits for its tracker: what is sent faster than the tracker applies it
    // would be merged per user, and something else be measured than what every heartbeat costs.
    void hold_back(std::uint64_t sent, std::uint64_t applied_before) {
        for (auto rose = io::now(); sent > merged_ + applied_ + kAheadMax;) {
            const auto now_applied = applied() - applied_before;
            if (now_applied != std::exchange(applied_, now_applied)) rose = io::now();
            if (io::now() - rose >= kQuiet) merged_ = sent - applied_;
            io::poll({}, 1ms);
        }
    }

    void arrive(BenchReport& report, std::uint64_t applied_at_start) {
        while (load_->send_first())
            hold_back(load_->sent(), applied_at_start);
        until("arrive", kSettleWithin, [&] {
            return static_cast<double>(load_->truth().online()) /
                   static_cast<double>(options_.users);
        });
        for (std::size_t i = 0; i < processes_.size(); ++i) {
            auto& bytes = report.processes[i].bytes_per_user;
            bytes = (bytes + use_of(processes_[i]).resident_bytes) /
                    static_cast<double>(options_.users);
        }
    }

    void load(BenchReport& report, std::uint64_t applied_at_start) {
        const auto sent_before = load_->sent();
        const auto applied_before = await_applied(applied_at_start + sent_before);
        for (std::size_t i = 0; i < processes_.size(); ++i)
            report.processes[i].cpu_seconds = -use_of(processes_[i]).cpu_seconds;
        const auto told_before = load_->truth().transitions();
        BenchReport::Sink written{sink_.lines(), 0, 0};
        const auto started = io::now();
        const auto duration = options_.duration.value_or(10s);
        applied_ = merged_ = 0;
        load_->start_churn();
        for (auto now = started; now - started < duration; now = io::now()) {
            const double share = static_cast<double>((now - started).count()) /
                                 static_cast<double>(duration.count());
            turn("load", share, options_.saturate || options_.flood);
            if (options_.saturate) hold_back(load_->sent() - sent_before, applied_before);
        }
        load_->stop_churn();
        report.sent = load_->sent() - sent_before;
        report.applied = await_applied(applied_before + report.sent) - applied_before;
        report.seconds = std::chrono::duration<double>(io::now() - started).count();
        report.transitions_in_load = load_->truth().transitions() - told_before;
        if (options_.sink) {
            written.lines_in_load = sink_.lines() - written.lines_in_load;
            report.sink = written;
        }
        for (std::size_t i = 0; i < processes_.size(); ++i)
            report.processes[i].cpu_seconds += use_of(processes_[i]).cpu_seconds;
    }

    // What was told until now is written.
    void catch_up(BenchReport& report) {
        const auto began = io::now();
        const auto told = load_->truth().transitions();
        until("catch up", kSettleWithin,
              [&] { return static_cast<double>(sink_.lines()) / static_cast<double>(told); });
        report.sink->seconds_behind = std::chrono::duration<double>(io::now() - began).count();
    }

    void fall_silent() {
        const auto ttl = options_.bye ? Duration{} : config_.presence.timeout;
        if (options_.mass_silence > 0) {
            load_->silence_mass();
            until("silence", ttl + kSettleWithin, [&] {
                return 1.0 - static_cast<double>(load_->mass_online()) /
                                 static_cast<double>(options_.mass_silence);
            });
        } else if (options_.churn > 0) {
            const auto began = io::now();
            const auto last = ttl + kAllowance;
            until("settle", last, [&] {
                return static_cast<double>((io::now() - began).count()) /
                       static_cast<double>(last.count());
            });
        }
    }

    void judge(BenchReport& report) {
        const auto missing = [&] { return load_->truth().missing(io::now(), kAllowance); };
        until("settle", kAllowance, [&] { return missing() == 0 ? 1.0 : 0.0; });
        if (report.sink) {
            // Nothing more is told but to it.
            const auto told = load_->truth().transitions();
            until("settle", kAllowance, [&] { return sink_.lines() >= told ? 1.0 : 0.0; });
            report.sink->lines = sink_.lines();
        }
        report.missing = missing();
        report.wrong = load_->truth().faults();
        report.transitions = load_->truth().transitions();
        report.lateness = load_->truth().take_lateness();
        report.batches_lost = load_->batches_lost();
        if (pipeline_) report.restarts = pipeline_->supervision().restarts();
    }

    const BenchOptions& options_;
    io::TemporaryDirectory data_;
    Config config_;
    std::optional<ConfigCopy> copy_;
    zmq::context_t context_;
    Asker asker_;
    BenchSink sink_;
    std::unique_ptr<Pipeline> pipeline_;
    std::unique_ptr<BenchEvents> events_;
    std::unique_ptr<BenchLoad> load_;
    std::vector<BenchProcess> processes_;
    Progress progress_;
    std::uint64_t applied_ = 0;  // since the users' arrival, or the load, began; when last asked
    std::uint64_t merged_ = 0;   // that will never be applied
};

}  // namespace

int run_bench(const BenchOptions& options, const std::optional<Config>& theirs) {
    if (options.mass_silence > options.users) {
        throw io::UsageError("--mass-silence is more than --users");
    }
    // Each must speak each second, though half of its users fall silent; else their silence is its
    // own.
    const auto messages = options.users / options.ids_per_message;
    const auto seconds = options.saturate || options.flood ? 1 : interval_of(options) / 1s + 1;
    if (options.edges * 2 * static_cast<std::uint64_t>(seconds) >
        std::max<std::uint64_t>(messages, 2)) {
        throw io::UsageError(
            "--edges is too many: each sends a message a second, and there are --users / "
            "--ids-per-message messages in an --interval");
    }
    auto report = Bench(options, theirs).run();
    std::cout << (options.json ? json_of(report) : text_of(report));
    return report.good() ? 0 : 1;
}

void add_bench(io::Flags& presence) {
    struct Given {
        BenchOptions options;
        std::string order = "created";
        std::optional<std::string> file;
    };
    const auto given = std::make_shared<Given>();
    auto& o = given->options;
    auto& flags = presence.command(
        "bench", "load a pipeline, check every transition, and report what it cost", [given] {
            if (given->options.sink && given->file)
                throw io::UsageError("--sink is for the private pipeline, without --config");
            if (given->order != "created" && given->order != "random")
                throw io::UsageError("--order is created or random, not `" + given->order + "`");
            given->options.random_order = given->order == "random";
            std::optional<Config> theirs;
            if (given->file)
                theirs = load_config(io::config_file(given->file), io::environment(), {});
            return run_bench(given->options, theirs);
        });
    flags.number("--users", 1, 100'000'000, o.users, "how many (10000)");
    flags.duration("--interval", 1ms, 24h, o.interval, "each beats this often (5s)");
    flags.number("--rate", 1, 100'000'000, o.rate, "heartbeats a second, instead of --interval");
    flags.toggle("--saturate", o.saturate, "as fast as the collector takes them");
    flags.toggle("--flood", o.flood,
                 "as fast as a sender can, though the trackers be slower; a collector then reads "
                 "less");
    flags.text("--order", "created|random", given->order,
               "users beat in the order in which they came, or in another, as after some time");
    flags.number("--ids-per-message", 1, 2048, o.ids_per_message,
                 "users who share a message, and fall silent together (256)");
    flags.number("--edges", 0, 10'000, o.edges,
                 "that name themselves, and so have leases, send the messages in turn (0)");
    flags.duration("--duration", 1ms, 24h, o.duration, "of the load (10s)");
    flags.number("--churn", 0, 10'000'000, o.churn, "users a second that fall silent, then return");
    flags.toggle("--bye", o.bye, "they say so, and return as soon as they are told offline");
    flags.number("--mass-silence", 0, 100'000'000, o.mass_silence,
                 "after the load, so many fall silent at once");
    flags.duration("--ttl", 1ms, 24h, o.ttl, "timeout of the private pipeline (3 intervals)");
    flags.number("--trackers", 1, 100, o.trackers,
                 "of the private pipeline, which share its users (1)");
    flags.toggle("--sink", o.sink, "the private pipeline has a notifier with a jsonl sink as well");
    flags.text("--config", "FILE", given->file,
               "load this pipeline, not a private one; \"\": that of the built-in configuration");
    flags.text("--pids", "NAME=PID,...", o.pids, "with --config: whose CPU and memory to tell");
    flags.toggle("--json", o.json, "one JSON object");
    flags.epilogue(
        "\nWithout --config, a collector and trackers of its own run on free ports. Exit code 1\n"
        "if a transition was wrong or missing.\n\n"
        "Example:\n"
        "  presence bench --users 1000000 --saturate\n"
        "  presence bench --users 1000000 --rate 1000000 --order random\n"
        "  presence bench --users 1000000 --interval 20s --mass-silence 100000\n"
        "  presence bench --users 1000000 --interval 60s --churn 100000 --bye --sink");
}

}  // namespace presence::cli
