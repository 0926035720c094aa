#include "notifier/sinks/kafka/producer.hpp"

#include <librdkafka/rdkafka.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "common/io/background_thread.hpp"
#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "notifier/sinks/reasons.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

namespace {

constexpr Duration kLogInterval = 10s;  // of what librdkafka says, for each of its facilities
constexpr Duration kSlice = 500ms;      // should it ever forget to ring
constexpr int kSyslogWarning = 4;
constexpr std::size_t kTextBytes = 512;

using Conf = std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)>;

}  // namespace

struct KafkaProducer::State {
    explicit State(const Options& options) : sink(options.sink), topic(options.topic) {}
    std::string sink, topic;
    rd_kafka_t* producer = nullptr;
    rd_kafka_queue_t* queue = nullptr;  // of reports, errors and lines of the log
    io::Bell bell;                      // rung when that is no longer empty
    std::vector<Delivery> deliveries;
    std::size_t under_way = 0;
    std::string said;
    Reasons lines{kLogInterval};
};

namespace {

// All three are called by rd_kafka_poll, in the sink's thread.
template <class State>
State& state_of(void* opaque) {
    return *static_cast<State*>(opaque);
}

}  // namespace

KafkaProducer::KafkaProducer(const Options& options, const Interrupt& interrupt)
    : state_(std::make_unique<State>(options)), interrupt_(&interrupt) {
    std::array<char, kTextBytes> why{};
    Conf conf(rd_kafka_conf_new(), rd_kafka_conf_destroy);
    for (const auto& [name, value] : options.settings)
        if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()) !=
            RD_KAFKA_CONF_OK)
            throw SinkFailure("librdkafka refuses the setting " + name + ": " + why.data());
    rd_kafka_conf_set_opaque(conf.get(), state_.get());
    rd_kafka_conf_set_dr_msg_cb(
        conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
            auto& state = state_of<State>(opaque);
            --state.under_way;
            Delivery delivery{reinterpret_cast<std::uintptr_t>(message->_private), {}};
            if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                delivery.error = {message->err, rd_kafka_err2str(message->err)};
            state.deliveries.push_back(std::move(delivery));
        });
    rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int, const char* reason, void* opaque) {
        state_of<State>(opaque).said = without_state(reason);
    });
    rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t* producer, int level,
                                            const char* facility, const char* text) {
        auto& state = state_of<State>(rd_kafka_opaque(producer));
        if (!state.lines.may_tell(facility, io::now())) return;
        const io::log::Fields fields{{"sink", state.sink}, {"facility", facility}, {"text", text}};
        level <= kSyslogWarning ? io::log::warn("kafka_says", fields)
                                : io::log::info("kafka_says", fields);
    });
    state_->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), why.data(), why.size());
    if (state_->producer == nullptr)
        throw SinkFailure(std::string("librdkafka refuses its settings: ") + why.data());
    (void)conf.release();  // it is the producer's now
    (void)rd_kafka_set_log_queue(state_->producer, nullptr);
    state_->queue = rd_kafka_queue_get_main(state_->producer);
    const std::uint64_t ring = 1;  // as an eventfd takes it
    rd_kafka_queue_io_event_enable(state_->queue, state_->bell.fd(), &ring, sizeof ring);
}

// Destroying it joins its threads, one of which may hang in a name server. What it still calls is
// there until then.
struct KafkaProducer::Ending : io::Mailbox {
    explicit Ending(std::unique_ptr<State> of) : state(std::move(of)) {}
    void run() const {
        rd_kafka_queue_destroy(state->queue);
        rd_kafka_destroy(state->producer);
    }
    const std::unique_ptr<State> state;
};

KafkaProducer::~KafkaProducer() {
    end({});
}

void KafkaProducer::end(Instant until) {
    if (!state_) return;
    // What is under way comes back to nobody. Else it would wait for the brokers.
    (void)rd_kafka_purge(state_->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                               RD_KAFKA_PURGE_F_NON_BLOCKING);
    const auto ending = std::make_shared<Ending>(std::move(state_));
    const io::BackgroundThread thread(ending, [ending = ending.get()] { ending->run(); });
    (void)thread.ended_by(until);
}

KafkaProducer::Error KafkaProducer::send(std::size_t item, const KafkaMessage& message) {
    std::array<rd_kafka_vu_t, 8> parts{};
    std::size_t count = 0;
    const auto part = [&](rd_kafka_vtype_t type) -> auto& {
        parts[count].vtype = type;
        return parts[count++].u;
    };
    const auto text = [](const std::string& of) {
        return const_cast<char*>(of.data());  // it is copied, never written
    };
    part(RD_KAFKA_VTYPE_TOPIC).cstr = state_->topic.c_str();
    part(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
    part(RD_KAFKA_VTYPE_KEY).mem = {text(message.key), message.key.size()};
    part(RD_KAFKA_VTYPE_VALUE).mem = {text(message.value), message.value.size()};
    part(RD_KAFKA_VTYPE_OPAQUE).ptr = reinterpret_cast<void*>(item);
    for (const auto& [name, value] : message.headers)
        part(RD_KAFKA_VTYPE_HEADER).header = {name.data(), value.data(),
                                              static_cast<ssize_t>(value.size())};
    auto* const error = rd_kafka_produceva(state_->producer, parts.data(), count);
    if (error == nullptr) {
        ++state_->under_way;
        return {};
    }
    Error refused{rd_kafka_error_code(error), rd_kafka_error_string(error)};
    rd_kafka_error_destroy(error);
    return refused;
}

KafkaProducer::Waited KafkaProducer::wait(Instant until) {
    for (;;) {
        serve();
        if (!state_->deliveries.empty()) return Waited::some;
        const auto woken = interrupt_->wait(fd(), POLLIN, std::min(until, io::now() + kSlice));
        if (woken == Interrupt::Woken::stopped) return Waited::stopped;
        if (woken == Interrupt::Woken::timeout && io::now() >= until) return Waited::timeout;
    }
}

std::vector<KafkaProducer::Delivery> KafkaProducer::take_deliveries() {
    return std::exchange(state_->deliveries, {});
}

std::size_t KafkaProducer::under_way() const {
    return state_->under_way;
}

std::optional<std::string> KafkaProducer::fatal() const {
    std::array<char, kTextBytes> why{};
    if (rd_kafka_fatal_error(state_->producer, why.data(), why.size()) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return std::nullopt;
    return why.data();
}

std::string KafkaProducer::take_said() {
    return std::exchange(state_->said, {});
}

int KafkaProducer::fd() const {
    return state_->bell.fd();
}

void KafkaProducer::serve() {
    state_->bell.quiet();
    while (rd_kafka_poll(state_->producer, 0) > 0) {
    }
}

}  // namespace presence::notifier
