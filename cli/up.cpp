#include <fmt/format.h>
#include <csignal>
#include <iostream>
#include <memory>

#include "cli/built_in_file.hpp"
#include "cli/commands.hpp"
#include "cli/demo.hpp"
#include "cli/pipeline.hpp"
#include "common/io/clock.hpp"
#include "common/io/program.hpp"
#include "common/io/readiness.hpp"
#include "common/io/signals.hpp"
#include "common/io/sockets.hpp"

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
    config.presence.log_level = "warn";  // a person wants to see the users come and go
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
std::string endpoints(const Parts& parts, const char* name,
                      std::string Parts::value_type::*endpoint) {
    std::string all = name;
    for (const auto& part : parts)
        all += " " + part.*endpoint;
    return all;
}

class Up {
public:
    Up(const Config& config, const std::vector<std::string>& arguments, bool demo)
        : config_(config),
          context_(io::make_context()),
          pipeline_(config, arguments),
          started_(io::now()) {
        if (demo) {
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
            if (!ready_) check_ready(now);
            if (ready_ && demo_ && !pipeline_.supervision().stopping()) send_demo(now);
            wait(now);
            if (signals_.stop()) pipeline_.supervision().stop(io::now());
            signals_.forget_stop();
            if (signals_.take_reload()) pipeline_.signal_all(SIGHUP);
        }
        return pipeline_.supervision().exit_code();
    }

private:
    void check_ready(Instant now) {
        ready_ = pipeline_.ready();
        if (ready_) {
            io::tell_ready();
            pipeline_.supervision().on_ready();
            std::cerr << fmt::format("presence: ready after {:.2f} s: {}; {}; {}",
                                     std::chrono::duration<double>(now - started_).count(),
                                     endpoints(config_.collectors, "heartbeats",
                                               &CollectorConfig::heartbeats),
                                     endpoints(config_.trackers, "events", &TrackerConfig::events),
                                     endpoints(config_.trackers, "queries", &TrackerConfig::query))
                      << std::endl;
        } else if (!told_missing_ && now - started_ > kTellMissingAfter) {
            told_missing_ = true;
            std::cerr << "presence: still waiting for " << pipeline_.missing() << std::endl;
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
        } else if (ready_ && demo_) {
            next = std::min(next, std::max(demo_->next_wakeup(), now + 10ms));
        }
        const auto left = std::clamp<Duration>(next - now, 0s, 1min);
        zmq::poll(items, std::chrono::ceil<std::chrono::milliseconds>(left));
        if (items[0].revents != 0) signals_.read();
    }

    const Config& config_;
    io::Signals signals_;  // before the context: its threads must not take them
    zmq::context_t context_;
    Pipeline pipeline_;
    std::optional<Demo> demo_;
    std::optional<zmq::socket_t> demo_out_;
    Instant started_;
    bool ready_ = false;
    bool told_missing_ = false;
};

int run_up(const Given& given) {
    if (given.file && (given.collectors > 0 || given.trackers > 0))
        throw io::UsageError(
            "--collectors and --trackers are for the built-in configuration; with --config, the "
            "file says how many");
    const std::string file = given.file ? *given.file : built_in_file(built_in(given));
    const Config config = load_config(file, io::environment(), given.settings);
    for (const auto& warning : config.warnings)
        std::cerr << "presence: " << warning << "\n";
    return Up(config, arguments_of(file, given), given.demo).run();
}

}  // namespace

void add_up(io::Flags& presence) {
    const auto given = std::make_shared<Given>();
    auto& flags = presence.command("up", "run a whole pipeline on this machine until Ctrl-C",
                                   [given] { return run_up(*given); });
    flags.text("--config", "FILE", given->file, "what to run; without it, one of each");
    flags.number("--collectors", 1, 10, given->collectors, "how many, without --config (1)");
    flags.number("--trackers", 1, 100, given->trackers, "how many, without --config (1)");
    flags.toggle("--demo", given->demo,
                 "let a few users come and go (timeout 3s unless set otherwise)");
    flags.settings(given->settings);
    flags.epilogue(
        "\nRestarts a process that dies. SIGINT and SIGTERM end collectors, then trackers, then\n"
        "notifiers (a second one kills them); SIGHUP makes all read the file again. Without "
        "--config\n"
        "the log level is warn.\n\n"
        "Example:\n"
        "  presence up --timeout 10s &\n"
        "  presence beat alice --every 5s");
}

}  // namespace presence::cli
