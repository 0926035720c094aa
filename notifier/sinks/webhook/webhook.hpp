#pragma once

#include <string>
#include <vector>

#include "notifier/sinks/sink.hpp"
#include "notifier/sinks/webhook/http_post.hpp"

namespace presence::notifier {

// Posts events to somebody else's server, signed, after Standard Webhooks 1.0.0. A chunk is posted
// in messages, one after the other; each is taken once the answer is 2xx.
//
// A server that answers 410 is gone (Failure::gone); one that names a Retry-After is given it.
class WebhookSink : public Sink {
public:
    // Of a request's body: what common servers take by default (nginx: 1 MiB).
    static constexpr std::size_t kBodyBytesMax = 1'000'000;

    // Reads the secrets. Throws ConfigError if there are none, or if the URL is not taken.
    WebhookSink(const SinkConfig& config, const Interrupt& interrupt);

    [[nodiscard]] Report take(const std::vector<Event>& batch) override;
    // Reads the secrets again: that is how a key is rotated. Those in use are kept on a failure.
    void open() override;

private:
    void post(const std::string& id, const std::string& body);

    WebhookConfig config_;
    std::string origin_;
    std::vector<std::string> keys_;
    HttpPost http_;
};

// Whose fault it is that an answer with this status is not "taken".
[[nodiscard]] Fault fault_of_status(long status);

}  // namespace presence::notifier
