#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"
#include "notifier/sinks/interrupt.hpp"
#include "notifier/sinks/kafka/message.hpp"
#include "notifier/sinks/kafka/settings.hpp"

namespace presence::notifier {

// A producer of librdkafka. It waits only where its interrupt is seen, and holds no message longer
// than its owner waits for it: what is not confirmed then is taken back.
class KafkaProducer {
public:
    struct Options {
        std::string sink;  // for the log
        std::string topic;
        KafkaSettings settings;  // in this order
    };
    // Connects to nobody yet. Throws SinkFailure with what librdkafka says of a setting.
    KafkaProducer(const Options& options, const Interrupt& interrupt);
    // Waits for nothing: threads of librdkafka end in the background. Of what is under way, nobody
    // knows whether a broker has it.
    ~KafkaProducer();
    KafkaProducer(const KafkaProducer&) = delete;

    struct Error {
        int code = 0;  // 0: none
        std::string text{};
    };
    // Not refused: it is under way, and will be in what take_deliveries() gives. Never waits.
    [[nodiscard]] Error send(std::size_t item, const KafkaMessage& message);

    struct Delivery {
        std::size_t item = 0;
        Error error;
    };
    // Waits for some that are under way, until then at most.
    enum class Waited { some, timeout, stopped };
    [[nodiscard]] Waited wait(Instant until);
    [[nodiscard]] std::vector<Delivery> take_deliveries();
    [[nodiscard]] std::size_t under_way() const;

    // It can go on no more: why.
    [[nodiscard]] std::optional<std::string> fatal() const;
    // What a broker or librdkafka said last, since this was asked.
    [[nodiscard]] std::string take_said();

    // As the destructor does, and waits for that, until then at most. Nothing else may follow.
    void end(Instant until);

    // Readable when it has something to tell: serve() then.
    [[nodiscard]] int fd() const;
    void serve();

private:
    struct State;
    struct Ending;
    std::unique_ptr<State> state_;
    const Interrupt* interrupt_;
};

}  // namespace presence::notifier
