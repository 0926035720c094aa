#include "notifier/sinks/kafka/kafka.hpp"

#include <utility>

#include "common/config/file.hpp"
#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "common/io/private_files.hpp"

namespace presence::notifier {

namespace {

constexpr std::size_t kSettingsBytesMax = 64 * 1024;

KafkaSettings settings_of(const std::string& file) {
    std::string text;
    try {
        text = contents_of(file, kSettingsBytesMax, FileKind::regular);
    } catch (const UnreadableFile& e) {
        throw SinkFailure("cannot read settings_file " + file + ": " + e.what());
    }
    if (io::open_to_others(file))
        io::log::warn("secret_open_to_others",
                      {{"file", file}, {"mode", io::mode_of(file)}, {"advice", "chmod 600"}});
    auto parsed = parse_kafka_settings(text);
    if (!parsed.fault.empty()) throw SinkFailure("settings_file " + file + ": " + parsed.fault);
    return std::move(parsed.settings);
}

}  // namespace

KafkaSink::KafkaSink(const SinkConfig& config, const Interrupt& interrupt)
    : config_(config), interrupt_(&interrupt) {
    try {
        producer_ = make_producer();
    } catch (const SinkFailure& failure) {
        throw ConfigError("sink " + config.name + ": " + failure.what());
    }
}

std::unique_ptr<KafkaProducer> KafkaSink::make_producer() const {
    const auto& kafka = config_.kafka;
    KafkaProducer::Options options{config_.name, kafka.topic, kafka_defaults()};
    const auto add = [&](const KafkaSettings& more) {
        options.settings.insert(options.settings.end(), more.begin(), more.end());
    };
    if (!kafka.settings_file.empty()) add(settings_of(kafka.settings_file));
    add(kafka_fixed(kafka.brokers));
    return std::make_unique<KafkaProducer>(options, *interrupt_);
}

void KafkaSink::tend() {
    if (producer_) producer_->serve();
}

void KafkaSink::close(Instant deadline) {
    if (producer_) producer_->end(deadline);
}

// The place's fault is told rather than an event's: it concerns all that come.
void KafkaSink::on_error(const KafkaProducer::Error& error, Fault fault, Outcome& outcome) const {
    if (fault == Fault::event && outcome.failure) return;
    outcome.failure =
        Failure{.fault = fault,
                .reason = "topic " + config_.kafka.topic + " at " + config_.kafka.brokers + ": " +
                          error.text + kafka_advice(error.code)};
}

void KafkaSink::send(const std::vector<Event>& batch, const std::vector<std::size_t>& round,
                     Outcome& outcome) {
    for (const auto item : round) {
        const auto error = producer_->send(item, kafka_message(batch[item]));
        if (error.code == 0) continue;
        const auto fault = fault_of_kafka(error.code);
        // Refused before it was sent, so it is this very one.
        if (fault == Fault::event) outcome.rounds.settle(item, Report::Item::never);
        on_error(error, fault, outcome);
    }
}

// A broker refuses messages together that came together, and one of them may be why: whose fault is
// the event's is tried again with fewer others, until it is alone. An idempotent producer of
// librdkafka 2.0.2 that had a message refused delivered nothing more: so whatever fails, a new one
// goes on.
void KafkaSink::wait_for_all(Outcome& outcome) {
    const auto until = io::now() + config_.timeout;
    while (producer_->under_way() > 0) {
        const auto waited = producer_->wait(until);
        for (const auto& [item, error] : producer_->take_deliveries())
            if (error.code == 0)
                outcome.rounds.settle(item, Report::Item::done);
            else {
                on_error(error, fault_of_kafka(error.code), outcome);
                outcome.producer_failed = true;
            }
        if (waited == KafkaProducer::Waited::stopped)
            throw SinkFailure("stopped while waiting for " + config_.kafka.brokers);
        if (waited == KafkaProducer::Waited::timeout) {
            const auto said = producer_->take_said();
            throw SinkFailure(config_.kafka.brokers + " did not confirm in time" +
                              (said.empty() ? "" : ": " + said));
        }
    }
    if (const auto why = producer_->fatal()) {
        io::log::warn("kafka_producer_renewed", {{"sink", config_.name}, {"reason", *why}});
        throw SinkFailure("the producer for " + config_.kafka.brokers +
                          " can go on no more: " + *why);
    }
}

Report KafkaSink::take(const std::vector<Event>& batch) {
    Outcome outcome{SendRounds(batch)};
    try {
        if (!producer_) producer_ = make_producer();
        (void)producer_->take_said();
        for (auto round = outcome.rounds.next(); !round.empty(); round = outcome.rounds.next()) {
            send(batch, round, outcome);
            wait_for_all(outcome);
            if (!outcome.producer_failed) continue;
            producer_.reset();
            break;
        }
    } catch (const SinkFailure& failure) {
        producer_.reset();  // with all that is under way
        outcome.failure = failure.failure;
    }
    return std::move(outcome.rounds).report(std::move(outcome.failure));
}

}  // namespace presence::notifier
