#pragma once

#include <string>
#include <string_view>

#include "common/config/nats_place.hpp"
#include "common/wire/event.hpp"
#include "notifier/sinks/report.hpp"

// What the nats sink says, and what it is answered. Pure.
namespace presence::notifier {

// A user's id as one token of a subject: each byte but A-Z a-z 0-9 _ - is "=" and two lower-case
// hexadecimal digits, so that no id is another's topic, or a wildcard.
[[nodiscard]] std::string nats_token(std::string_view user);

// In place of the user of a notice, which has none; no user's token is this one.
inline constexpr std::string_view kNoticeToken = "=gap";

// Where the event goes.
[[nodiscard]] std::string subject_of(const NatsSubject& subject, const Event& event);

// What someone subscribes to for all that may go there: "presence.*".
[[nodiscard]] std::string wildcard_of(const NatsSubject& subject);

// What a stream answers to a message.
struct StreamAnswer {
    bool taken = false;
    bool duplicate = false;      // it had it before, by its id
    Fault fault = Fault::place;  // if it was not taken, whose
    std::string reason{};        // and why: "maximum bytes exceeded (503/10077)"
};
[[nodiscard]] StreamAnswer parse_stream_answer(std::string_view json);

// What the client library says failed, without where in its sources: "(conn.c:733): ".
[[nodiscard]] std::string without_source(std::string_view text);

// For a person: what to do about an error of the server, as the client library tells it.
[[nodiscard]] std::string nats_advice(std::string_view error);

}  // namespace presence::notifier
