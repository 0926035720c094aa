#include "notifier/sinks/sink.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "notifier/sinks/exec/exec.hpp"
#include "notifier/sinks/jsonl.hpp"
#include "notifier/sinks/redis/redis.hpp"
#if PRESENCE_HAS_POSTGRES
#include "notifier/sinks/postgres/postgres.hpp"
#endif
#include "notifier/sinks/stdout.hpp"
#include "notifier/sinks/webhook/webhook.hpp"
#if PRESENCE_HAS_KAFKA
#include "notifier/sinks/kafka/kafka.hpp"
#endif
#if PRESENCE_HAS_NATS
#include "notifier/sinks/nats/nats.hpp"
#endif

namespace presence::notifier {

std::unique_ptr<Sink> make_sink(const SinkConfig& config, const std::filesystem::path& directory,
                                const Interrupt& interrupt, SinkHost host) {
    switch (config.type) {
        case SinkType::standard_output:
            return std::make_unique<StdoutSink>(config.format == SinkFormat::text, interrupt);
        case SinkType::jsonl:
            return std::make_unique<JsonlSink>(config.path);
        case SinkType::exec:
            return std::make_unique<ExecSink>(config, directory, interrupt, std::move(host));
        case SinkType::webhook:
            return std::make_unique<WebhookSink>(config, interrupt);
        case SinkType::redis:
            return std::make_unique<RedisSink>(config, interrupt, std::move(host));
        case SinkType::nats:
#if PRESENCE_HAS_NATS
            return std::make_unique<NatsSink>(config, interrupt);
#endif
        case SinkType::kafka:
#if PRESENCE_HAS_KAFKA
            return std::make_unique<KafkaSink>(config, interrupt);
#endif
        case SinkType::postgres:
#if PRESENCE_HAS_POSTGRES
            return std::make_unique<PostgresSink>(config, interrupt, std::move(host));
#endif
        case SinkType::unset:
            break;
    }
    throw ConfigError("sink " + config.name + " has no type, or one that this build lacks");
}

std::string json_lines(const std::vector<Event>& chunk) {
    std::string lines;
    for (const auto& event : chunk) {
        lines += to_json(event);
        lines += '\n';
    }
    return lines;
}

void write_all(int fd, std::string_view bytes, std::size_t slice_bytes, const std::string& what,
               const Interrupt& interrupt) {
    while (!bytes.empty()) {
        if (interrupt.wait(fd, POLLOUT) == Interrupt::Woken::stopped)
            throw SinkFailure("stopped while writing " + what);
        const auto written = ::write(fd, bytes.data(), std::min(bytes.size(), slice_bytes));
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EAGAIN && errno != EINTR)
            throw failure("write", what);
    }
}

SinkFailure failure(std::string_view verb, const std::string& what) {
    const auto reason = std::error_code(errno, std::generic_category()).message();
    return SinkFailure("cannot " + std::string(verb) + " " + what + ": " + reason);
}

}  // namespace presence::notifier
