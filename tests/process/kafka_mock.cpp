// A Kafka cluster of one broker, as librdkafka mocks it, for tests: Debian has no broker. It writes
// where it listens, then carries out a command a line, and answers with a line to each. It ends
// with its input, so with the test that began it.
//
//   down, up                      of its broker
//   topic NAME PARTITIONS         a topic; else one is there once it is asked for
//   topic_error NAME CODE         what is answered about it, by the protocol's number; 0: nothing
//   produce_errors COUNT CODE     what the next requests to produce are answered
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int kBroker = 1;
constexpr std::int16_t kProduce = 0;

bool carry_out(rd_kafka_mock_cluster_t* cluster, std::istringstream words) {
    std::string command;
    std::string topic;
    int code = 0;
    words >> command;
    if (command == "down") return rd_kafka_mock_broker_set_down(cluster, kBroker) == 0;
    if (command == "up") return rd_kafka_mock_broker_set_up(cluster, kBroker) == 0;
    if (command == "topic" && words >> topic >> code)
        return rd_kafka_mock_topic_create(cluster, topic.c_str(), code, 1) == 0;
    if (command == "topic_error" && words >> topic >> code) {
        rd_kafka_mock_topic_set_error(cluster, topic.c_str(),
                                      static_cast<rd_kafka_resp_err_t>(code));
        return true;
    }
    std::size_t count = 0;
    if (command == "produce_errors" && words >> count >> code) {
        const std::vector errors(count, static_cast<rd_kafka_resp_err_t>(code));
        rd_kafka_mock_push_request_errors_array(cluster, kProduce, count, errors.data());
        return true;
    }
    return false;
}

}  // namespace

int main() {
    std::array<char, 512> why{};
    auto* const client =
        rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why.data(), why.size());
    if (client == nullptr) {
        std::cerr << why.data() << '\n';
        return 1;
    }
    auto* const cluster = rd_kafka_mock_cluster_new(client, 1);
    std::cout << rd_kafka_mock_cluster_bootstraps(cluster) << std::endl;
    for (std::string line; std::getline(std::cin, line);)
        std::cout << (carry_out(cluster, std::istringstream(line)) ? "done" : "refused")
                  << std::endl;
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(client);
}
