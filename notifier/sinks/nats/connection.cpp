#include "notifier/sinks/nats/connection.hpp"

#include <nats/nats.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <utility>

#include "common/io/background_thread.hpp"
#include "common/io/clock.hpp"
#include "notifier/sinks/nats/message.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

namespace {

constexpr Duration kLook = 1ms;       // between looks for answers
constexpr Duration kSlice = 200ms;    // of a wait in which the interrupt is not seen
constexpr int kPendingMax = 1 << 16;  // answers that came and were not looked at

template <class Handle, void (*destroy)(Handle*)>
struct Destroy {
    void operator()(Handle* handle) const { destroy(handle); }
};
template <class Handle, void (*destroy)(Handle*)>
using Owned = std::unique_ptr<Handle, Destroy<Handle, destroy>>;
using Connection = Owned<natsConnection, natsConnection_Destroy>;
using Subscription = Owned<natsSubscription, natsSubscription_Destroy>;
using Message = Owned<natsMsg, natsMsg_Destroy>;
using LibraryOptions = Owned<natsOptions, natsOptions_Destroy>;

std::int64_t millis_of(Duration duration) {
    return std::max<std::int64_t>(1,
                                  std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

// Without it the library writes to standard error. What failed is asked of the connection.
void ignore(natsConnection*, natsSubscription*, natsStatus, void*) {}

natsStatus fill(natsOptions* out, const NatsConnection::Options& options) {
    const auto& url = options.url;
    const bool v6 = url.host.find(':') != std::string::npos;
    const auto address = std::string(url.tls ? "tls://" : "nats://") + (v6 ? "[" : "") + url.host +
                         (v6 ? "]:" : ":") + std::to_string(url.port);
    auto status = natsOptions_SetURL(out, address.c_str());
    const auto then = [&](natsStatus next) {
        if (status == NATS_OK) status = next;
    };
    then(natsOptions_SetAllowReconnect(out, false));
    then(natsOptions_SetRetryOnFailedConnect(out, false, nullptr, nullptr));
    then(natsOptions_SetIgnoreDiscoveredServers(out, true));
    then(natsOptions_SetErrorHandler(out, ignore, nullptr));
    then(natsOptions_SetTimeout(out, millis_of(options.timeout)));
    then(natsOptions_SetWriteDeadline(out, millis_of(NatsConnection::kWriteMax)));
    then(natsOptions_SetName(out, options.name.c_str()));
    if (!options.user.empty())
        then(natsOptions_SetUserInfo(out, options.user.c_str(), options.password.c_str()));
    else if (!options.password.empty())
        then(natsOptions_SetToken(out, options.password.c_str()));
    if (url.tls) {
        then(natsOptions_SetSecure(out, true));
        then(natsOptions_SetExpectedHostname(out, url.host.c_str()));
        if (!options.ca_file.empty())
            then(natsOptions_LoadCATrustedCertificates(out, options.ca_file.c_str()));
    }
    return status;
}

}  // namespace

struct NatsConnection::Handles {
    Connection connection;
    Subscription answers;  // goes before its connection
};

// A connection that is being made. Whoever is left behind makes it for nobody.
struct NatsConnection::Dial : io::Mailbox {
    explicit Dial(const Options& of) : options(of) {}

    void run() {
        natsOptions* made = nullptr;
        auto status = natsOptions_Create(&made);
        const LibraryOptions library(made);
        if (status == NATS_OK) status = fill(made, options);
        natsConnection* connected = nullptr;
        if (status == NATS_OK) status = natsConnection_Connect(&connected, made);
        const char* why = status == NATS_OK ? nullptr : nats_GetLastError(nullptr);
        const std::lock_guard lock(mutex);
        connection.reset(connected);
        if (status != NATS_OK)
            failure = why != nullptr ? without_source(why) : natsStatus_GetText(status);
    }

    const Options options;
    Connection connection;
    std::string failure;
};

NatsConnection::NatsConnection(Options options, const Interrupt& interrupt)
    : options_(std::move(options)), interrupt_(&interrupt) {
    const auto dial = std::make_shared<Dial>(options_);
    const io::BackgroundThread thread(dial, [dial = dial.get()] { dial->run(); });
    const auto until = io::now() + options_.timeout;
    const auto what = "cannot connect to " + options_.url.origin + ": ";
    while (!thread.ended()) {
        const auto woken = interrupt_->wait(dial->to_owner.fd(), POLLIN, until);
        if (woken == Interrupt::Woken::stopped)
            throw SinkFailure("stopped while connecting to " + options_.url.origin);
        if (woken == Interrupt::Woken::timeout) throw SinkFailure(what + "no answer in time");
        dial->to_owner.quiet();
    }
    const std::lock_guard lock(dial->mutex);
    if (!dial->connection) throw SinkFailure(what + dial->failure + nats_advice(dial->failure));
    handles_ = std::make_unique<Handles>();
    handles_->connection = std::move(dial->connection);
}

NatsConnection::~NatsConnection() = default;
NatsConnection::NatsConnection(NatsConnection&&) noexcept = default;

bool NatsConnection::closed() const {
    return natsConnection_IsClosed(handles_->connection.get());
}

std::size_t NatsConnection::bytes_max() const {
    return static_cast<std::size_t>(natsConnection_GetMaxPayload(handles_->connection.get()));
}

void NatsConnection::check_not_stopped(const char* doing) const {
    if (interrupt_->wait(-1, 0, Instant{}) == Interrupt::Woken::stopped)
        throw SinkFailure(std::string("stopped while ") + doing + " " + options_.url.origin);
}

// What the server said last tells more than that the connection is closed.
void NatsConnection::fail(const std::string& doing, int status) const {
    const char* said = nullptr;
    (void)natsConnection_GetLastError(handles_->connection.get(), &said);
    const std::string why = said != nullptr && *said != '\0'
                                ? said
                                : natsStatus_GetText(static_cast<natsStatus>(status));
    throw SinkFailure("cannot " + doing + " " + options_.url.origin + ": " + why +
                      nats_advice(why));
}

// A server goes on after it has refused a message, and says so beside.
void NatsConnection::fail_if_refused() const {
    const char* said = nullptr;
    const auto status = natsConnection_GetLastError(handles_->connection.get(), &said);
    if (status != NATS_OK) fail("publish to", status);
}

void NatsConnection::publish(const std::string& subject, const std::string& payload) {
    const auto status = natsConnection_Publish(handles_->connection.get(), subject.c_str(),
                                               payload.data(), static_cast<int>(payload.size()));
    if (status != NATS_OK) fail("publish to", status);
}

void NatsConnection::flush() {
    const auto until = io::now() + options_.timeout;
    for (;;) {
        check_not_stopped("waiting for");
        const auto status =
            natsConnection_FlushTimeout(handles_->connection.get(), millis_of(kSlice));
        if (status == NATS_OK) return fail_if_refused();
        if (status != NATS_TIMEOUT) fail("publish to", status);
        if (io::now() >= until) throw SinkFailure(options_.url.origin + " did not answer in time");
    }
}

void NatsConnection::open_inbox() {
    natsInbox* inbox = nullptr;
    if (const auto status = natsInbox_Create(&inbox); status != NATS_OK) fail("publish to", status);
    inbox_ = std::string(inbox) + ".";
    natsInbox_Destroy(inbox);
    natsSubscription* answers = nullptr;
    const auto all = inbox_ + "*";
    auto status = natsConnection_SubscribeSync(&answers, handles_->connection.get(), all.c_str());
    handles_->answers.reset(answers);
    if (status == NATS_OK) status = natsSubscription_SetPendingLimits(answers, kPendingMax, -1);
    if (status != NATS_OK) fail("subscribe to answers of", status);
}

void NatsConnection::ask(const std::string& subject, const std::string& payload,
                         const std::string& id, std::uint64_t number) {
    if (inbox_.empty()) open_inbox();
    natsMsg* made = nullptr;
    const auto reply = inbox_ + std::to_string(number);
    auto status = natsMsg_Create(&made, subject.c_str(), reply.c_str(), payload.data(),
                                 static_cast<int>(payload.size()));
    const Message message(made);
    if (status == NATS_OK && !id.empty())
        status = natsMsgHeader_Set(made, "Nats-Msg-Id", id.c_str());
    if (status == NATS_OK) status = natsConnection_PublishMsg(handles_->connection.get(), made);
    if (status != NATS_OK) fail("publish to", status);
}

// Looks now and then: to be woken for each answer costs more than the answer.
std::optional<NatsConnection::Answer> NatsConnection::answer(Instant until) {
    for (;;) {
        natsMsg* came = nullptr;
        const auto status = natsSubscription_NextMsg(&came, handles_->answers.get(), 0);
        const Message message(came);
        if (status == NATS_NO_RESPONDERS) return std::nullopt;
        if (status == NATS_OK) {
            const std::string_view to = natsMsg_GetSubject(came);
            Answer answer{
                0, {natsMsg_GetData(came), static_cast<std::size_t>(natsMsg_GetDataLength(came))}};
            const auto digits = to.substr(std::min(inbox_.size(), to.size()));
            std::from_chars(digits.data(), digits.data() + digits.size(), answer.number);
            return answer;
        }
        if (status != NATS_TIMEOUT) fail("publish to", status);
        fail_if_refused();
        if (io::now() >= until)
            throw SinkFailure(options_.url.origin + " did not acknowledge in time");
        if (interrupt_->wait(-1, 0, io::now() + kLook) == Interrupt::Woken::stopped)
            throw SinkFailure("stopped while waiting for " + options_.url.origin);
    }
}

}  // namespace presence::notifier
