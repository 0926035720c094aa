#include <algorithm>

#include "common/config/address.hpp"
#include "common/config/nats_place.hpp"
#include "common/config/read.hpp"

namespace presence {
namespace {

constexpr std::string_view kPlain = "nats://";
constexpr std::string_view kTls = "tls://";

bool printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// One of the fields, whose end is where `text` goes on; or the text up to the next one.
std::string take_part(std::string_view& text, NatsSubject::Part& part) {
    using Field = NatsSubject::Field;
    if (text.front() != '{') {
        const auto end = std::min(text.find('{'), text.size());
        part = {Field::text, std::string(text.substr(0, end))};
        text.remove_prefix(end);
        return {};
    }
    for (const auto& [name, field] : {std::pair<std::string_view, Field>{"{user}", Field::user},
                                      {"{slot}", Field::slot},
                                      {"{state}", Field::state}})
        if (text.starts_with(name)) {
            part = {field};
            text.remove_prefix(name.size());
            return {};
        }
    return "in braces stand user, slot or state";
}

}  // namespace

std::string parse_nats_url(std::string_view text, NatsUrl& out) {
    NatsUrl url;
    url.tls = text.starts_with(kTls);
    if (!url.tls && !text.starts_with(kPlain))
        return "a URL is nats://HOST:PORT or tls://HOST:PORT";
    if (!printable(text)) return "a URL is printable ASCII without spaces";
    if (text.find('@') != std::string_view::npos)
        return "a user or password in a URL would be printed and logged: write `user` and "
               "`password_file`";
    auto server = text.substr(url.tls ? kTls.size() : kPlain.size());
    if (server.ends_with('/')) server.remove_suffix(1);
    if (server.find_first_of("/,") != std::string_view::npos)
        return "it is one server, with nothing behind its port: " +
               std::string(url.tls ? kTls : kPlain) + "HOST:PORT";
    if (auto fault = parse_server(server, url.host, url.port); !fault.empty()) return fault;
    url.origin = text;
    out = std::move(url);
    return {};
}

std::string parse_nats_subject(std::string_view text, NatsSubject& out) {
    NatsSubject subject;
    if (text.size() > NatsSubject::kBytesMax)
        return "it is longer than " + std::to_string(NatsSubject::kBytesMax) + " bytes";
    if (!printable(text)) return "a subject is printable ASCII without spaces";
    if (text.find_first_of("*>") != std::string_view::npos)
        return "* and > are for those who subscribe";
    if (text.starts_with('$') || text.starts_with("_INBOX"))
        return "what begins with $ or _INBOX is the server's own";
    if (text.empty() || text.front() == '.' || text.back() == '.' ||
        text.find("..") != std::string_view::npos)
        return "there is an empty token: between two dots, and at both ends, stands something";
    while (!text.empty())
        if (auto fault = take_part(text, subject.parts.emplace_back()); !fault.empty())
            return fault;
    out = std::move(subject);
    return {};
}

void check_nats(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin) {
    if (sink.url.empty())
        origin.fail(place, "the sink `" + sink.name + "` needs a `url`: nats://HOST:PORT");
    NatsUrl url;
    if (const auto fault = parse_nats_url(sink.url, url); !fault.empty())
        origin.fail(place + "/url", "`url`: " + fault);
    NatsSubject subject;
    if (const auto fault = parse_nats_subject(sink.nats.subject, subject); !fault.empty())
        origin.fail(place + "/subject", "`subject`: " + fault);
    if (!sink.ca_file.empty() && !url.tls)
        origin.fail(place + "/ca_file", "`ca_file` needs a `url` that begins with tls://");
    check_password(sink, place, origin);
}

}  // namespace presence
