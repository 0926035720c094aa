#include <fcntl.h>

#include <csignal>
#include <functional>
#include <memory>
#include <system_error>

#include "cli/commands.hpp"
#include "cli/up/cast.hpp"
#include "cli/up/config_copy.hpp"
#include "cli/up/demo.hpp"
#include "cli/up/pipeline.hpp"
#include "common/io/clock.hpp"
#include "common/io/config_file.hpp"
#include "common/io/fd.hpp"
#include "common/io/log.hpp"
#include "common/io/program.hpp"
#include "common/io/readiness.hpp"
#include "common/io/signals.hpp"
#include "common/io/sockets.hpp"
#include "common/io/temporary_directory.hpp"

namespace presence::cli {
namespace {

constexpr Duration kTellMissingAfter = 5s;

struct Given {
    std::optional<std::string> file;
    std::uint64_t collectors = 0;  // 0: not given
    std::uint64_t trackers = 0;
    bool demo = false;
    std::map<std::string, std::string> settings;
};

Config built_in(const Given& given) {
    Config config = default_config(given.collectors > 0 ? given.collectors : 1,
                                   given.trackers > 0 ? given.trackers : 1);
    config.presence.log_level = LogLevel::warn;  // a person wants to see the users come and go
    if (given.demo) config.presence.timeout = 3s;
    return config;
}

std::vector<std::string> arguments_of(const std::string& file, const Given& given) {
    std::vector<std::string> arguments{"--config", file};
    for (const auto& [key, value] : given.settings) {
        std::string flag = "--" + key;
        for (char& c : flag)
            if (c == '_') c = '-';
        arguments.push_back(flag + "=" + value);
    }
    return arguments;
}

template <class Parts>
std::string endpoints(const Parts& parts, std::string Parts::value_type::*endpoint) {
    std::string all;
    for (const auto& part : parts)
        all += (all.empty() ? "" : " ") + part.*endpoint;
    return all;
}

std::string names_of(const std::vector<Part>& parts) {
    std::string all;
    for (const auto& part : parts)
        all += (all.empty() ? "" : ", ") + name_of(part);
    return all;
}

// A terminal that was closed is none any more, though this process still names it its own.
bool has_terminal() {
    return static_cast<bool>(io::Fd(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)));
}

bool had_terminal = false;  // at the start

class Up {
public:
    // `read` reads the file again; throws ConfigError.
    Up(const Config& config, std::function<Config()> read, const Given& given)
        : config_(config),
          copy_(config),
          read_(std::move(read)),
          context_(io::make_context()),
          pipeline_(config, arguments_of(copy_.path(), given)),
          started_(io::now()) {
        if (given.demo) {
            demo_.emplace(started_, io::make_boot());
            demo_out_ = io::make_socket(context_, io::Role::heartbeats_out,
                                        config.collectors.front().heartbeats);
        }
    }

    int run() {
        while (true) {
            const auto now = io::now();
            pipeline_.turn(now);
            if (pipeline_.supervision().finished()) break;
            if (!ready_ && !pipeline_.supervision().stopping()) check_ready(now);
            if (was_ready_ && demo_ && !pipeline_.supervision().stopping()) send_demo(now);
            wait(now);
            if (signals_.stop()) pipeline_.supervision().stop(io::now());
            signals_.forget_stop();
            if (!signals_.take_reload()) continue;
            if (had_terminal && !has_terminal())
                pipeline_.supervision().stop(io::now());  // the hang-up of a terminal that is gone
            else
                reload();
        }
        return pipeline_.supervision().exit_code();
    }

private:
    // Here alone the file is read and judged; the processes read what was taken. The others hear of
    // a new list before those who left it are ended.
    void reload() {
        if (pipeline_.supervision().stopping()) return;
        try {
            Config read = read_();
            const Recast changes = recast(config_, read);
            if (!changes.refused.empty()) throw ConfigError(read.file + ": " + changes.refused);
            take(std::move(read), changes);
        } catch (const ConfigError& e) {
            refuse_reload(e);
        } catch (const std::system_error& e) {  // of the copy
            refuse_reload(e);
        }
    }

    void refuse_reload(const std::exception& error) {
        io::log::error("reload_refused", {{"error", error.what()},
                                          {"then", "goes on as it was"},
                                          {"files_of_sinks", "opened anew all the same"}});
        // Else what rotates logs takes files away from under the sinks. The others are told
        // nothing.
        pipeline_.signal_wanted(SIGHUP, ProcessKind::notifier);
    }

    void take(Config read, const Recast& changes) {
        copy_.replace(read);  // which may fail: nothing has changed then
        config_ = std::move(read);
        pipeline_.start(changes.start);
        pipeline_.end(changes.end);
        pipeline_.restart(changes.restart);
        pipeline_.signal_wanted(SIGHUP);
        io::log::info("reloaded", {{"started", names_of(changes.start)},
                                   {"ended", names_of(changes.end)},
                                   {"restarted", names_of(changes.restart)},
                                   {"map_version", config_.presence.map_version}});
        io::log_warnings(config_);
        if (changes.start.empty() && changes.restart.empty()) return;
        ready_ = told_missing_ = false;
        started_ = io::now();
    }

    void check_ready(Instant now) {
        ready_ = pipeline_.ready();
        if (ready_) {
            was_ready_ = true;
            io::tell_ready();
            pipeline_.supervision().on_ready();
            io::log::info(
                "ready",
                {{"after_ms", (now - started_) / 1ms},
                 {"heartbeats", endpoints(config_.collectors, &CollectorConfig::heartbeats)},
                 {"events", endpoints(config_.trackers, &TrackerConfig::events)},
                 {"queries", endpoints(config_.trackers, &TrackerConfig::query)}});
        } else if (!told_missing_ && now - started_ > kTellMissingAfter) {
            told_missing_ = true;
            io::log::warn("not_ready", {{"waiting_for", pipeline_.missing()}});
        }
    }

    void send_demo(Instant now) {
        const auto beats = demo_->due(now);
        if (beats.empty()) return;
        const std::string message = encode_heartbeats({}, beats);
        // A collector that is away misses this one; the next is due soon.
        (void)demo_out_->send(zmq::buffer(message), zmq::send_flags::dontwait);
    }

    void wait(Instant now) {
        std::vector<zmq::pollitem_t> items{{nullptr, signals_.fd(), ZMQ_POLLIN, 0}};
        for (const int fd : pipeline_.descriptors())
            items.push_back({nullptr, fd, ZMQ_POLLIN, 0});
        Instant next = pipeline_.supervision().next_wakeup();
        if (!ready_ && !told_missing_) {
            next = std::min(next, started_ + kTellMissingAfter);
        } else if (was_ready_ && demo_) {
            next = std::min(next, std::max(demo_->next_wakeup(), now + 10ms));
        }
        const auto left = std::clamp<Duration>(next - now, 0s, 1min);
        zmq::poll(items, std::chrono::ceil<std::chrono::milliseconds>(left));
        if (items[0].revents != 0) signals_.read();
    }

    Config config_;    // as it runs
    ConfigCopy copy_;  // for the processes: one that starts again goes by what the others go by
    std::function<Config()> read_;
    io::Signals signals_;  // before the context: its threads must not take them
    zmq::context_t context_;
    Pipeline pipeline_;
    std::optional<Demo> demo_;
    std::optional<zmq::socket_t> demo_out_;
    Instant started_;
    bool ready_ = false;
    bool was_ready_ = false;
    bool told_missing_ = false;
};

int run_up(const Given& given) {
    if (given.file && !given.file->empty() && (given.collectors > 0 || given.trackers > 0))
        throw io::UsageError(
            "--collectors and --trackers are for the built-in configuration; with --config, the "
            "file says how many");
    // Who says how many asks for the built-in one.
    const bool counted = given.collectors > 0 || given.trackers > 0;
    const auto theirs = counted ? std::nullopt : io::config_file(given.file);
    std::optional<io::TemporaryDirectory> data;
    Config ours = built_in(given);
    if (!theirs && given.demo) ours.presence.data_root = data.emplace().path;
    const ConfigCopy built_in_file(ours);
    const std::string file = theirs ? *theirs : built_in_file.path();
    const auto read = [&](FileKind kind) {
        return load_config(file, io::environment(), given.settings, kind);
    };
    const Config config = read(FileKind::any);
    io::log::open(LogLevel::info, config.presence.log_format, "up");
    io::log::Fields fields{{"version", io::version()}, {"config", theirs.value_or("built-in")}};
    if (const auto overrides = overrides_of(config); !overrides.empty())
        fields.emplace_back("overrides", overrides);
    io::log::info("start", fields);
    io::log_warnings(config);
    const auto reread = [&] {
        if (!theirs)
            throw ConfigError("it was started without a file, with the built-in configuration");
        return read(FileKind::regular);
    };
    return Up(config, reread, given).run();
}

}  // namespace

// The terminal first: if it is closed between the two, that ends us.
void begin_up() {
    had_terminal = has_terminal();
    io::block_sighup();
}

void add_up(io::Flags& presence) {
    const auto given = std::make_shared<Given>();
    auto& flags = presence.command("up", "run a whole pipeline on this machine until Ctrl-C",
                                   [given] { return run_up(*given); });
    flags.text("--config", "FILE", given->file, std::string("what to run; ") + io::kConfigHelp);
    flags.number("--collectors", 1, 10, given->collectors, "how many, without --config (1)");
    flags.number("--trackers", 1, 100, given->trackers, "how many, without --config (1)");
    flags.toggle("--demo", given->demo,
                 "let a few users come and go (timeout 3s unless set otherwise)");
    flags.settings(given->settings);
    flags.epilogue(
        "\nRestarts a process that dies. SIGINT and SIGTERM end collectors, then trackers, then\n"
        "notifiers (a second one kills them). SIGHUP makes all read the file again: processes "
        "that\n"
        "are new in it are started, those that left it are ended, those whose table has changed "
        "are\n"
        "started again. With the built-in configuration\n"
        "the log level of the processes is warn; --demo keeps nothing.\n\n"
        "Example:\n"
        "  presence up --timeout 10s &\n"
        "  presence beat alice --every 5s");
}

}  // namespace presence::cli
