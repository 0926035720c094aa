#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/wire/event.hpp"
#include "notifier/sinks/report.hpp"

// What the kafka sink says, and what it is answered. Pure.
namespace presence::notifier {

// An event as a message; its value is its JSON. Its key is its user, so that a user's events lie in
// one partition, in order. A notice has none: an empty key, which no user has.
struct KafkaMessage {
    std::string key;
    std::string value;
    std::vector<std::pair<std::string_view, std::string>> headers;  // id, of events epoch, seq
};
[[nodiscard]] KafkaMessage kafka_message(const Event& event);

// Whose fault it is that a broker did not take a message, by the protocol's number.
[[nodiscard]] Fault fault_of_kafka(int code);

// For a person: what to do about it.
[[nodiscard]] std::string kafka_advice(int code);

// What librdkafka says failed, without " (after 3ms in state CONNECT, ...)", which is another each
// time: the same reason is the same text.
[[nodiscard]] std::string without_state(std::string_view text);

}  // namespace presence::notifier
