#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What the kafka sink sets of librdkafka, and what an operator may. Pure.
namespace presence::notifier {

using KafkaSettings = std::vector<std::pair<std::string, std::string>>;  // name, value

struct ParsedKafkaSettings {
    KafkaSettings settings;
    std::string fault;  // why there are none: tells the line and the name, never a value
};

// "name=value" lines, by librdkafka's names. Spaces around both do not count; empty lines and those
// that begin with # are skipped. Names that the sink sets itself are refused: its promises rest on
// them.
[[nodiscard]] ParsedKafkaSettings parse_kafka_settings(std::string_view text);

// What the sink sets: what may be changed by a file first, then what may not.
[[nodiscard]] KafkaSettings kafka_defaults();
[[nodiscard]] KafkaSettings kafka_fixed(const std::string& brokers);

}  // namespace presence::notifier
