#pragma once

#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/config/nats_place.hpp"
#include "notifier/sinks/nats/connection.hpp"
#include "notifier/sinks/nats/message.hpp"
#include "notifier/sinks/send_rounds.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// Publishes events to a NATS server, each under a subject of its own. Without JetStream a batch is
// taken once the server has answered a ping behind it: whoever subscribes then has it on its way,
// others never see it. With JetStream each event is taken once a stream has stored it; a stream
// drops what it has, by the event's id, so batches go in rounds (SendRounds).
class NatsSink : public Sink {
public:
    NatsSink(const SinkConfig& config, const Interrupt& interrupt);

    [[nodiscard]] Report take(const std::vector<Event>& batch) override;
    // The next batch connects, and reads the password.
    void open() override { connection_.reset(); }
    void close(Instant /*deadline*/) override { connection_.reset(); }

private:
    struct Outcome {
        SendRounds rounds;
        std::optional<Failure> failure{};
        std::vector<std::size_t> refused{};
    };
    void ensure_open();
    [[nodiscard]] bool fits(const std::string& payload, const std::string& id) const;
    [[nodiscard]] Failure too_large() const;
    void publish(const std::vector<Event>& batch, Outcome& outcome);
    void store(const std::vector<Event>& batch, Outcome& outcome);
    void on_answer(std::size_t item, const StreamAnswer& answer, Outcome& outcome) const;
    [[nodiscard]] std::pair<std::size_t, StreamAnswer> next_answer(Instant until);

    SinkConfig config_;
    NatsUrl url_;
    NatsSubject subject_;
    const Interrupt* interrupt_;
    std::optional<NatsConnection> connection_;
};

}  // namespace presence::notifier
