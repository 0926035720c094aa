#include "notifier/sinks/kafka/settings.hpp"

#include <algorithm>
#include <array>

namespace presence::notifier {

namespace {

// Those of kafka_fixed(), their other names, and what would make them mean something else.
constexpr std::array<std::string_view, 13> kRefused{
    "bootstrap.servers",     "metadata.broker.list",         "acks",
    "request.required.acks", "enable.idempotence",           "enable.gapless.guarantee",
    "message.timeout.ms",    "delivery.timeout.ms",          "partitioner",
    "transactional.id",      "queue.buffering.max.messages", "log.queue",
    "enabled_events"};

constexpr std::string_view kSpaces = " \t\r";

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

}  // namespace

ParsedKafkaSettings parse_kafka_settings(std::string_view text) {
    KafkaSettings settings;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#') continue;
        const auto where = "line " + std::to_string(number) + ": ";
        const auto equals = line.find('=');
        const auto name = trimmed(line.substr(0, equals));
        if (equals == std::string_view::npos || name.empty())
            return {{}, where + "a line is NAME=VALUE, by librdkafka's names"};
        if (std::ranges::find(kRefused, name) != kRefused.end())
            return {{}, where + "`" + std::string(name) + "` is set by the sink itself"};
        settings.emplace_back(name, trimmed(line.substr(equals + 1)));
    }
    return {std::move(settings), {}};
}

KafkaSettings kafka_defaults() {
    return {
        {"client.id", "presence-notifier"},
        {"linger.ms", "1"},  // a batch is there at once, and is waited for
        // Of a topic that is not there: it is told within our own time-out, not after 30 s.
        {"topic.metadata.propagation.max.ms", "5000"},
        {"reconnect.backoff.max.ms", "1000"},
    };
}

KafkaSettings kafka_fixed(const std::string& brokers) {
    return {
        {"bootstrap.servers", brokers},
        {"acks", "all"},
        {"enable.idempotence", "true"},
        // Else it would drop messages by itself. The sink takes them back after its own time-out.
        {"message.timeout.ms", "0"},
        {"partitioner", "murmur2_random"},  // as Java's clients: a user's partition is the same
        {"queue.buffering.max.messages", "10000"},  // more than a batch
        {"log.queue", "true"},
    };
}

}  // namespace presence::notifier
