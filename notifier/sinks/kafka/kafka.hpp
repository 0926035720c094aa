#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "notifier/sinks/kafka/producer.hpp"
#include "notifier/sinks/send_rounds.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// Produces events to a topic of Kafka, in rounds (SendRounds). An event is taken once all replicas
// that are in sync have it. What is not confirmed within `timeout` is taken back and told again by
// a new producer, so it may stand in the topic twice.
class KafkaSink : public Sink {
public:
    // Reads the settings. Throws ConfigError for what librdkafka does not take.
    KafkaSink(const SinkConfig& config, const Interrupt& interrupt);

    [[nodiscard]] Report take(const std::vector<Event>& batch) override;
    // Reads the settings again. Those in use are kept on a failure.
    void open() override { producer_ = make_producer(); }
    // Errors and lines of the log come at any time.
    [[nodiscard]] Watch watch() const override { return {producer_ ? producer_->fd() : -1}; }
    void tend() override;
    void close(Instant deadline) override;

private:
    struct Outcome {
        SendRounds rounds;
        std::optional<Failure> failure{};
        bool producer_failed = false;
    };
    [[nodiscard]] std::unique_ptr<KafkaProducer> make_producer() const;
    void send(const std::vector<Event>& batch, const std::vector<std::size_t>& round,
              Outcome& outcome);
    void wait_for_all(Outcome& outcome);
    void on_error(const KafkaProducer::Error& error, Fault fault, Outcome& outcome) const;

    SinkConfig config_;
    const Interrupt* interrupt_;
    std::unique_ptr<KafkaProducer> producer_;
};

}  // namespace presence::notifier
