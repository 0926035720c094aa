#include "notifier/sinks/kafka/message.hpp"

namespace presence::notifier {

namespace {

// Of https://kafka.apache.org/protocol#protocol_error_codes; librdkafka's own are negative.
enum Code : int {
    kUnknownTopicLocally = -188,
    kNoAuthenticationLocally = -169,
    kUnknownTopic = 3,
    kMessageTooLarge = 10,
    kRecordListTooLarge = 18,
    kNotEnoughReplicas = 19,
    kNotEnoughReplicasAfterAppend = 20,
    kTopicAuthorization = 29,
    kClusterAuthorization = 31,
    kSaslAuthentication = 58,
    kInvalidRecord = 87
};

}  // namespace

KafkaMessage kafka_message(const Event& event) {
    KafkaMessage message{event.user, to_json(event), {{"id", id_of(event)}}};
    if (is_gap_notice(event)) return message;
    message.headers.emplace_back("epoch", std::to_string(event.epoch));
    message.headers.emplace_back("seq", std::to_string(event.seq));
    return message;
}

Fault fault_of_kafka(int code) {
    const bool events =
        code == kMessageTooLarge || code == kRecordListTooLarge || code == kInvalidRecord;
    return events ? Fault::event : Fault::place;
}

std::string kafka_advice(int code) {
    switch (code) {
        case kUnknownTopicLocally:
        case kUnknownTopic:
            return ": create the topic: kafka-topics.sh --create --topic NAME";
        case kTopicAuthorization:
            return ": let its user write to the topic";
        case kClusterAuthorization:
            return ": let its user write idempotently (IdempotentWrite on the cluster)";
        case kNoAuthenticationLocally:
        case kSaslAuthentication:
            return ": see sasl.* in settings_file";
        case kNotEnoughReplicas:
        case kNotEnoughReplicasAfterAppend:
            return ": fewer replicas are in sync than min.insync.replicas of the topic";
        default:
            return {};
    }
}

std::string without_state(std::string_view text) {
    return std::string(text.substr(0, text.find(" (after ")));
}

}  // namespace presence::notifier
