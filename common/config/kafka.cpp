#include <algorithm>

#include "common/config/address.hpp"
#include "common/config/read.hpp"

namespace presence {
namespace {

constexpr std::size_t kTopicBytesMax = 249;  // Kafka's own bound

std::string brokers_fault(std::string_view text) {
    if (text.find('@') != std::string_view::npos)
        return "a user or password here would be printed and logged: write them into "
               "`settings_file`";
    if (text.find("://") != std::string_view::npos)
        return "they are HOST:PORT, with commas between; what is spoken is `security.protocol` in "
               "`settings_file`";
    for (;;) {
        const auto broker = text.substr(0, text.find(','));
        std::string host;
        int port = 0;
        if (auto fault = parse_server(broker, host, port); !fault.empty())
            return "they are HOST:PORT, with commas between: " + fault;
        if (broker.size() == text.size()) return {};
        text.remove_prefix(broker.size() + 1);
    }
}

bool well_formed_topic(std::string_view topic) {
    return !topic.empty() && topic.size() <= kTopicBytesMax && topic != "." && topic != ".." &&
           std::all_of(topic.begin(), topic.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

}  // namespace

void check_kafka(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin) {
    const auto& k = sink.kafka;
    if (k.brokers.empty())
        origin.fail(place, "the sink `" + sink.name + "` needs `brokers`: HOST:PORT,HOST:PORT");
    if (const auto fault = brokers_fault(k.brokers); !fault.empty())
        origin.fail(place + "/brokers", "`brokers`: " + fault);
    if (!well_formed_topic(k.topic))
        origin.fail(place + "/topic", "`topic` is 1 to 249 of A-Z a-z 0-9 . _ -");
}

}  // namespace presence
