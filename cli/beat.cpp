#include <iostream>
#include <memory>

#include "cli/commands.hpp"
#include "cli/human.hpp"
#include "common/config/endpoint.hpp"
#include "common/io/clock.hpp"
#include "common/io/config_file.hpp"
#include "common/io/program.hpp"
#include "common/io/signals.hpp"
#include "common/io/sockets.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"
#include "common/wire/heartbeat.hpp"

namespace presence::cli {
namespace {

constexpr Duration kConnectWithin = 2s;
constexpr Duration kAnewAfter = 10s;  // without a message taken
constexpr Duration kNever = 24h * 365;
constexpr Duration kLease = 900ms;

struct Given {
    std::vector<std::string> users;
    std::optional<std::string> file, to, session, status, edge;
    std::optional<Duration> every, ttl, linger;
    std::uint64_t count = 0;  // 0: not given
    bool bye = false;
};

// What is wrong, or nothing.
std::string fault_of(const Given& given) {
    const std::string rule = " bytes of UTF-8 without control characters";
    for (const auto& user : given.users)
        if (check_text(user, kUserBytesMax) != TextFault::none)
            return "`" + user + "` is no user id: 1 to " + std::to_string(kUserBytesMax) + rule;
    const auto name_fault = [&](const char* flag, const std::optional<std::string>& name) {
        if (!name || name->empty() || check_text(*name, kNameBytesMax) == TextFault::none)
            return std::string();
        return flag + (": `" + *name) + "` is no name: at most " + std::to_string(kNameBytesMax) +
               rule;
    };
    for (const auto& fault :
         {name_fault("--session", given.session), name_fault("--status", given.status),
          name_fault("--edge", given.edge)})
        if (!fault.empty()) return fault;
    if (given.bye && given.every) return "--bye is sent once; leave out --every";
    if (given.linger && !given.bye) return "--linger needs --bye";
    if (given.count > 1 && !given.every) return "--count needs --every";
    return {};
}

std::string endpoint_of(const Given& given) {
    if (!given.to)
        return load_config(io::config_file(given.file), io::environment(), {})
            .collectors[0]
            .heartbeats;
    Endpoint parsed;
    if (const auto fault = parse_endpoint(*given.to, parsed); !fault.empty())
        throw io::UsageError("--to `" + *given.to + "`: " + fault);
    return *given.to;
}

std::string message_of(const Given& given, const std::vector<std::string>& users,
                       std::uint64_t boot, std::uint64_t seq) {
    std::vector<Heartbeat> beats;
    for (const auto& user : users) {
        Heartbeat beat;
        beat.user = user;
        if (given.session) beat.session = *given.session;
        if (given.status) beat.status = *given.status;
        if (given.ttl) beat.ttl_ms = static_cast<std::uint32_t>(*given.ttl / 1ms);
        beat.bye = given.bye;
        if (given.linger) beat.linger_ms = static_cast<std::uint32_t>(*given.linger / 1ms);
        beats.push_back(beat);
    }
    Envelope envelope;
    if (given.edge) {
        envelope.edge = *given.edge;
        envelope.boot = boot;
        envelope.seq = seq;
        envelope.sent_ms = static_cast<std::uint64_t>(micros(io::now()) / 1000);
    }
    return encode_heartbeats(envelope, beats);
}

class Beater {
public:
    explicit Beater(const Given& given)
        : given_(given),
          endpoint_(endpoint_of(given)),
          context_(io::make_context()),
          socket_(io::make_socket(context_, io::Role::heartbeats_out, endpoint_)) {}

    int run() {
        // Only the first waits for the collector: a gateway must never wait, and drops instead.
        if (!writable(kConnectWithin))
            throw io::SocketError("cannot reach " + endpoint_ + " within " +
                                  for_people(kConnectWithin) +
                                  (given_.to || io::config_file(given_.file)
                                       ? ""
                                       : "; is the collector running? try `presence up`"));
        const std::uint64_t times = given_.every ? given_.count : 1;
        for (std::uint64_t sent = 1; !signals_.stop(); ++sent) {
            send(message_of(given_, given_.users, boot_, ++seq_));
            if (sent == times) break;
            pause(*given_.every);
        }
        return 0;
    }

private:
    void send(const std::string& message) {
        const bool taken =
            socket_.send(zmq::buffer(message), zmq::send_flags::dontwait).has_value();
        if (taken != reachable_)
            std::cerr << "presence beat: " << endpoint_
                      << (taken ? " takes heartbeats again\n"
                                : " is away: heartbeats are dropped until it is back\n");
        reachable_ = taken;
        if (taken)
            taken_at_ = io::now();
        else if (io::now() - taken_at_ >= kAnewAfter)
            connect_anew();
    }

    // Its name may lead elsewhere by now, and libzmq never tries again where something else than a
    // collector has answered.
    void connect_anew() {
        taken_at_ = io::now();
        try {
            socket_ = io::make_socket(context_, io::Role::heartbeats_out, endpoint_);
        } catch (const io::SocketError&) {  // a name that nobody knows now
        }
    }

    bool writable(Duration within) {
        const Instant deadline = io::now() + within;
        for (Duration left = within; left > 0s && !signals_.stop(); left = deadline - io::now())
            if (poll(ZMQ_POLLOUT, left)) return true;
        return signals_.stop();
    }

    // An edge that names itself speaks each second meanwhile: its lease.
    void pause(Duration length) {
        const Instant deadline = io::now() + length;
        const bool named = given_.edge && !given_.edge->empty();
        Instant speak = named ? io::now() + kLease : Instant::max();
        for (Duration left = length; left > 0s && !signals_.stop(); left = deadline - io::now()) {
            poll(0, std::min(left, std::max(speak - io::now(), Duration{0})));
            if (io::now() < speak) continue;
            send(message_of(given_, {}, boot_, ++seq_));
            speak += kLease;
        }
    }

    bool poll(short events, Duration left) {
        std::vector<zmq::pollitem_t> items{{nullptr, signals_.fd(), ZMQ_POLLIN, 0}};
        if (events != 0) items.push_back({socket_.handle(), 0, events, 0});
        zmq::poll(items, std::chrono::ceil<std::chrono::milliseconds>(std::min(left, kNever)));
        if (items[0].revents != 0) signals_.read();
        return events != 0 && (items[1].revents & events) != 0;
    }

    const Given& given_;
    std::string endpoint_;
    io::Signals signals_;
    std::uint64_t boot_ = io::make_boot();
    std::uint64_t seq_ = 0;
    zmq::context_t context_;
    zmq::socket_t socket_;
    bool reachable_ = true;
    Instant taken_at_ = io::now();
};

int run_beat(const Given& given) {
    if (const auto fault = fault_of(given); !fault.empty()) throw io::UsageError(fault);
    return Beater(given).run();
}

}  // namespace

void add_beat(io::Flags& presence) {
    const auto given = std::make_shared<Given>();
    auto& flags = presence.command("beat", "send heartbeats for users, as an edge server does",
                                   [given] { return run_beat(*given); });
    flags.words("ID", 1, 1000, given->users, "user ids; after -- if one starts with -");
    flags.duration("--every", 1ms, kNever, given->every, "go on sending, until Ctrl-C or --count");
    flags.number("--count", 1, 1'000'000'000, given->count, "with --every: how often");
    flags.toggle("--bye", given->bye, "end the session instead");
    flags.text("--session", "NAME", given->session, "one connection of the user (default unnamed)");
    flags.text("--status", "TEXT", given->status, "shown with the user; \"\" clears it");
    flags.duration("--ttl", std::chrono::milliseconds(kTtlMinMs),
                   std::chrono::milliseconds(kTtlMaxMs), given->ttl,
                   "silence this session survives (default: the timeout)");
    flags.duration(
        "--linger", 0s, std::chrono::milliseconds(kLingerMaxMs), given->linger,
        "of a bye: for how long the user may be back, at most until the session's ttl is over "
        "(default: the configured one)");
    flags.text("--edge", "NAME", given->edge, "send as this edge server");
    flags.text("--to", "ENDPOINT", given->to,
               "the collector (default: the first of the configuration)");
    flags.text("--config", "FILE", given->file,
               std::string("where the collectors are; ") + io::kConfigHelp);
    flags.epilogue("\nExample:\n  presence beat alice bob --every 5s --status away");
}

}  // namespace presence::cli
