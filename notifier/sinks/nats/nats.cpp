#include "notifier/sinks/nats/nats.hpp"

#include <string_view>
#include <utility>

#include "common/check.hpp"
#include "common/io/clock.hpp"
#include "notifier/sinks/nats/message.hpp"
#include "notifier/sinks/password.hpp"

namespace presence::notifier {

namespace {

// Of a message, what its id comes to as a header: "NATS/1.0", "Nats-Msg-Id: ", three ends of lines.
constexpr std::size_t kHeaderBytes = 32;

}  // namespace

NatsSink::NatsSink(const SinkConfig& config, const Interrupt& interrupt)
    : config_(config), interrupt_(&interrupt) {
    PRESENCE_CHECK(parse_nats_url(config.url, url_).empty(), "a URL that was accepted");
    PRESENCE_CHECK(parse_nats_subject(config.nats.subject, subject_).empty(),
                   "a subject that was accepted");
}

void NatsSink::ensure_open() {
    if (connection_ && connection_->closed()) connection_.reset();
    if (connection_) return;
    NatsConnection::Options options;
    options.url = url_;
    options.name = "presence-notifier " + config_.name;
    options.user = config_.user;
    if (!config_.password_file.empty()) options.password = password_of(config_.password_file);
    options.ca_file = config_.ca_file;
    options.timeout = config_.timeout;
    connection_.emplace(std::move(options), *interrupt_);
}

// The bounds are the server's: longer messages end a connection.
bool NatsSink::fits(const std::string& payload, const std::string& id) const {
    return payload.size() + (id.empty() ? 0 : kHeaderBytes + id.size()) <= connection_->bytes_max();
}

Failure NatsSink::too_large() const {
    return {.fault = Fault::event,
            .reason = url_.origin + " takes messages of " +
                      std::to_string(connection_->bytes_max()) + " bytes, an event is longer"};
}

void NatsSink::publish(const std::vector<Event>& batch, Outcome& outcome) {
    for (std::size_t item = 0; item < batch.size(); ++item) {
        const auto payload = to_json(batch[item]);
        if (fits(payload, {}))
            connection_->publish(subject_of(subject_, batch[item]), payload);
        else
            outcome.refused.push_back(item);
    }
    connection_->flush();
    for (std::size_t item = 0; item < batch.size(); ++item)
        outcome.rounds.settle(item, Report::Item::done);
    for (const auto item : outcome.refused)
        outcome.rounds.settle(item, Report::Item::never);
    if (!outcome.refused.empty()) outcome.failure = too_large();
}

// A stream that has forgotten a user's event (its window of duplicates has passed), and not yet the
// next one, would store the older one behind the newer, and drop that. So what it drops behind an
// event that it stored comes once more, without an id.
void NatsSink::store(const std::vector<Event>& batch, Outcome& outcome) {
    std::unordered_set<std::string_view> stored;  // users
    std::vector<bool> without_id(batch.size());
    for (auto round = outcome.rounds.next(); !round.empty(); round = outcome.rounds.next()) {
        std::size_t asked = 0;
        for (const auto item : round) {
            const auto payload = to_json(batch[item]);
            const auto id = without_id[item] ? std::string() : id_of(batch[item]);
            if (!fits(payload, id)) {
                outcome.rounds.settle(item, Report::Item::never);
                outcome.failure = too_large();
                continue;
            }
            connection_->ask(subject_of(subject_, batch[item]), payload, id, item);
            ++asked;
        }
        const auto until = io::now() + config_.timeout;
        for (; asked > 0; --asked) {
            const auto [item, answer] = next_answer(until);
            PRESENCE_CHECK(item < batch.size(), "an answer to what was asked");
            const bool behind = stored.contains(batch[item].user);
            if (answer.taken && answer.duplicate && behind) {
                without_id[item] = true;
                outcome.rounds.repeat(item);
                continue;
            }
            if (answer.taken && !answer.duplicate) stored.insert(batch[item].user);
            on_answer(item, answer, outcome);
        }
    }
}

void NatsSink::on_answer(std::size_t item, const StreamAnswer& answer, Outcome& outcome) const {
    using Item = Report::Item;
    if (answer.taken) return outcome.rounds.settle(item, Item::done);
    const bool events = answer.fault == Fault::event;
    outcome.rounds.settle(item, events ? Item::never : Item::again);
    // The place's fault is told rather than an event's: it concerns all that come.
    if (!events || !outcome.failure)
        outcome.failure =
            Failure{.fault = answer.fault,
                    .reason = "a stream of " + url_.origin + " answered " + answer.reason};
}

std::pair<std::size_t, StreamAnswer> NatsSink::next_answer(Instant until) {
    const auto answer = connection_->answer(until);
    if (!answer)
        throw SinkFailure(url_.origin + " has no stream that takes " + wildcard_of(subject_) +
                          ", or no JetStream: nats stream add presence --defaults --subjects '" +
                          wildcard_of(subject_) + "'");
    return {static_cast<std::size_t>(answer->number), parse_stream_answer(answer->payload)};
}

Report NatsSink::take(const std::vector<Event>& batch) {
    Outcome outcome{SendRounds(batch)};
    try {
        ensure_open();
        config_.nats.jetstream ? store(batch, outcome) : publish(batch, outcome);
    } catch (const SinkFailure& failure) {
        connection_.reset();  // nobody knows what it has on its way
        outcome.failure = failure.failure;
    }
    return std::move(outcome.rounds).report(std::move(outcome.failure));
}

}  // namespace presence::notifier
