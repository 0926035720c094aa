#include "notifier/sinks/webhook/webhook.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "common/config/file.hpp"
#include "common/config/url.hpp"
#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "common/io/private_files.hpp"
#include "common/io/program.hpp"
#include "notifier/sinks/webhook/message.hpp"
#include "notifier/sinks/webhook/signature.hpp"

namespace presence::notifier {

namespace {

constexpr std::size_t kSecretFileBytesMax = 64 * 1024;

// What a message holds beside its events, and the commas.
constexpr std::size_t kEnvelopeBytes = 128;

std::string origin_of(const std::string& text) {
    Url url;
    return parse_url(text, url).empty() ? url.origin : "the webhook";
}

HttpPost::Options http_options(const SinkConfig& sink) {
    const auto& config = sink.webhook;
    HttpPost::Options options;
    options.url = sink.url;
    options.origin = origin_of(sink.url);
    options.user_agent = "presence-notifier/" + std::string(io::version());
    options.timeout = sink.timeout;
    options.connect_timeout = config.connect_timeout;
    options.allow_private = config.allow_private;
    options.proxy = config.proxy;
    options.ca_file = sink.ca_file;
    return options;
}

std::string secret_text(const std::string& path, FileKind kind) {
    std::string text;
    try {
        text = contents_of(path, kSecretFileBytesMax, kind);
    } catch (const UnreadableFile& e) {
        throw SinkFailure("cannot read secret_file " + path + ": " + e.what());
    }
    if (io::open_to_others(path))
        io::log::warn("secret_open_to_others",
                      {{"file", path}, {"mode", io::mode_of(path)}, {"advice", "chmod 600"}});
    return text;
}

// Throws SinkFailure.
std::vector<std::string> read_secrets(const WebhookConfig& config, FileKind kind) {
    std::string text;
    std::string from;
    if (!config.secret_file.empty()) {
        from = "secret_file " + config.secret_file;
        text = secret_text(config.secret_file, kind);
    } else {
        from = "the environment variable " + config.secret_env;
        const char* value = std::getenv(config.secret_env.c_str());
        if (value != nullptr) text = value;
    }
    auto secrets = parse_webhook_secrets(text);
    if (!secrets.fault.empty()) throw SinkFailure("no secret from " + from + ": " + secrets.fault);
    return std::move(secrets.keys);
}

std::vector<std::string> first_secrets(const SinkConfig& config) {
    try {
        return read_secrets(config.webhook, FileKind::any);
    } catch (const SinkFailure& failure) {
        throw ConfigError("sink " + config.name + ": " + failure.what());
    }
}

// Why the answer is not "taken".
SinkFailure refusal(const std::string& origin, const HttpPost::Answer& answer) {
    std::string reason = origin + " answered " + std::to_string(answer.status);
    if (answer.status == 410) reason += ": it wants nothing more; SIGHUP tries it again";
    if (answer.status >= 300 && answer.status < 400) reason += ": redirects are not followed";
    Failure failure{.fault = fault_of_status(answer.status), .reason = reason};
    failure.gone = answer.status == 410;
    if (!failure.gone)
        failure.retry_after = retry_after(answer.retry_after, answer.date, io::wall_now());
    return SinkFailure(failure);
}

}  // namespace

Fault fault_of_status(long status) {
    constexpr std::array kEvents{400L, 413L, 422L};
    constexpr std::array kPlaces{401L, 403L, 404L, 408L, 410L, 429L, 502L, 503L, 504L};
    const auto in = [&](const auto& all) {
        return std::find(all.begin(), all.end(), status) != all.end();
    };
    if (in(kEvents)) return Fault::event;
    return in(kPlaces) || status < 400 ? Fault::place : Fault::unclear;
}

WebhookSink::WebhookSink(const SinkConfig& config, const Interrupt& interrupt)
    : config_(config.webhook),
      origin_(origin_of(config.url)),
      keys_(first_secrets(config)),
      http_(http_options(config), interrupt) {}

Report WebhookSink::take(const std::vector<Event>& batch) {
    std::size_t taken = 0;
    for (const auto& message :
         webhook_messages(batch, config_.batch_max, kBodyBytesMax - kEnvelopeBytes)) {
        try {
            post(message.id, message.body);
        } catch (const SinkFailure& failure) {
            return Report::some_done(taken, failure.failure);
        }
        taken += message.events;
    }
    return Report::all_done(taken);
}

void WebhookSink::post(const std::string& id, const std::string& body) {
    const auto timestamp = millis(io::wall_now()) / 1000;
    const auto answer =
        http_.post({"Content-Type: application/json",
                    "Expect:",  // no round trip to ask whether a body may follow
                    "webhook-id: " + id, "webhook-timestamp: " + std::to_string(timestamp),
                    "webhook-signature: " + webhook_signature(keys_, id, timestamp, body)},
                   body);
    if (answer.status < 200 || answer.status > 299) throw refusal(origin_, answer);
}

void WebhookSink::open() {
    keys_ = read_secrets(config_, FileKind::regular);
}

}  // namespace presence::notifier
