#include "notifier/sinks/nats/message.hpp"

#include <nlohmann/json.hpp>

namespace presence::notifier {

namespace {

using Field = NatsSubject::Field;

// "err_code" of JetStream, of what one message has wrong about itself.
constexpr int kMessageTooLarge = 10'054;
constexpr int kHeaderTooLarge = 10'097;

bool plain(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

std::string value_of(Field field, const Event& event) {
    if (is_gap_notice(event)) return std::string(kNoticeToken);
    if (field == Field::user) return nats_token(event.user);
    return field == Field::slot ? std::to_string(event.slot) : std::string(name_of(event.state));
}

}  // namespace

std::string nats_token(std::string_view user) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    out.reserve(user.size() + 8);
    for (const char c : user) {
        if (plain(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '=';
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
    return out;
}

std::string subject_of(const NatsSubject& subject, const Event& event) {
    std::string out;
    for (const auto& part : subject.parts)
        out += part.field == Field::text ? part.text : value_of(part.field, event);
    return out;
}

std::string wildcard_of(const NatsSubject& subject) {
    std::string text;  // with a mark, which no subject has, for each field
    for (const auto& part : subject.parts)
        text += part.field == Field::text ? part.text : "*";
    std::string out;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('.', at), text.size());
        const auto token = text.substr(at, end - at);
        out += (at == 0 ? "" : ".") + (token.find('*') == std::string::npos ? token : "*");
        at = end + 1;
    }
    return out;
}

StreamAnswer parse_stream_answer(std::string_view text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return {.reason = "an answer that is no stream's"};
    if (const auto error = json.find("error"); error != json.end() && error->is_object()) {
        const auto number = [&](const char* key) {
            const auto at = error->find(key);
            return at != error->end() && at->is_number_integer() ? at->get<int>() : 0;
        };
        const auto what = error->find("description");
        const auto code = number("err_code");
        const bool events = code == kMessageTooLarge || code == kHeaderTooLarge;
        return {.fault = events ? Fault::event : Fault::place,
                .reason = (what != error->end() && what->is_string() ? what->get<std::string>()
                                                                     : "an error") +
                          " (" + std::to_string(number("code")) + "/" + std::to_string(code) + ")"};
    }
    if (!json.contains("stream") || !json.contains("seq"))
        return {.reason = "an answer that is no stream's"};
    const auto duplicate = json.find("duplicate");
    return {.taken = true, .duplicate = duplicate != json.end() && *duplicate == true};
}

std::string without_source(std::string_view text) {
    const auto end = text.starts_with('(') ? text.find("): ") : std::string_view::npos;
    return std::string(end == std::string_view::npos ? text : text.substr(end + 3));
}

std::string nats_advice(std::string_view error) {
    const auto says = [&](std::string_view word) {
        return error.find(word) != std::string_view::npos;
    };
    if (says("uthoriz") || says("uthentic"))
        return ": set user and password_file, or password_file alone for a token";
    if (says("ermissions")) return ": let its user publish there";
    if (says("SSL") || says("TLS") || says("ecure"))
        return ": is the url's scheme (nats or tls) the server's, and ca_file the one that vouches "
               "for it?";
    return {};
}

}  // namespace presence::notifier
