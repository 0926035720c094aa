#include <catch2/catch.hpp>

#include "notifier/sinks/kafka/message.hpp"
#include "notifier/sinks/kafka/settings.hpp"

using namespace presence;
using namespace presence::notifier;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("a message has its user as key, and a notice a key that no user has",
          "[notifier][kafka]") {
    Event event;
    event.user = "alice";
    event.slot = 7;
    event.epoch = 5;
    event.seq = 3;
    const auto message = kafka_message(event);
    CHECK(message.key == "alice");
    CHECK(message.value == to_json(event));
    using Headers = decltype(message.headers);
    CHECK(message.headers == Headers{{"id", "7.5.3"}, {"epoch", "5"}, {"seq", "3"}});
    event = {};
    event.reason = "gap";
    event.status = "t1";
    CHECK(kafka_message(event).key.empty());
    CHECK(kafka_message(event).headers == Headers{{"id", "gap.t1.0"}});
}

TEST_CASE("what a broker says of one message is the event's fault, all else the place's",
          "[notifier][kafka]") {
    for (const int code : {10, 18, 87})
        CHECK(fault_of_kafka(code) == Fault::event);
    for (const int code : {-188, -192, -195, 1, 3, 6, 7, 19, 29, 31, 45, 58})
        CHECK(fault_of_kafka(code) == Fault::place);
    CHECK_THAT(kafka_advice(3), Contains("create the topic"));
    CHECK_THAT(kafka_advice(-188), Contains("create the topic"));
    CHECK_THAT(kafka_advice(29), Contains("write to the topic"));
    CHECK_THAT(kafka_advice(58), Contains("settings_file"));
    CHECK(kafka_advice(7).empty());
    CHECK(without_state("h:1/boot: Connect failed: refused (after 3ms in state CONNECT, 2 x)") ==
          "h:1/boot: Connect failed: refused");
    CHECK(without_state("1/1 brokers are down") == "1/1 brokers are down");
}

TEST_CASE("a file of settings has librdkafka's names", "[notifier][kafka]") {
    const auto parsed =
        parse_kafka_settings("# login\n\n security.protocol = SASL_SSL \r\nsasl.password=a=b #c");
    CHECK(parsed.fault.empty());
    CHECK(parsed.settings ==
          KafkaSettings{{"security.protocol", "SASL_SSL"}, {"sasl.password", "a=b #c"}});
    CHECK(parse_kafka_settings("").settings.empty());
    CHECK(parse_kafka_settings("x=").settings == KafkaSettings{{"x", ""}});
}

TEST_CASE("a setting that the sink's promises rest on is refused, and no value is told",
          "[notifier][kafka]") {
    for (const auto& [name, value] : kafka_fixed("b:9092"))
        CHECK(parse_kafka_settings("a=1\n" + name + "=MfKQ9").fault ==
              "line 2: `" + name + "` is set by the sink itself");
    for (const char* text : {"MfKQ9", "=MfKQ9", "\n ="}) {
        const auto fault = parse_kafka_settings(text).fault;
        CHECK_THAT(fault, StartsWith("line ") && Contains("NAME=VALUE") && !Contains("MfKQ9"));
    }
    for (const auto& [name, value] : kafka_defaults())
        CHECK(parse_kafka_settings(name + "=" + value).fault.empty());
}
