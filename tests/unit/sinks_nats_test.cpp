#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <cctype>

#include "notifier/sinks/nats/message.hpp"

using namespace presence;
using namespace presence::notifier;
using Catch::Matchers::Contains;

namespace {

Event event_of(const std::string& user) {
    Event event;
    event.user = user;
    event.slot = 7;
    return event;
}

Event notice() {
    Event event = event_of("");
    event.reason = "gap";
    event.status = "t1";
    return event;
}

NatsSubject subject(const std::string& text) {
    NatsSubject out;
    REQUIRE(parse_nats_subject(text, out).empty());
    return out;
}

}  // namespace

TEST_CASE("no id is another's topic, a wildcard, or a notice's", "[notifier][nats]") {
    CHECK(nats_token("alice_B-9") == "alice_B-9");
    CHECK(nats_token("a b.*>=\xc3\xa9") == "a=20b=2e=2a=3e=3d=c3=a9");
    rc::prop("one token each, of few characters", [](const std::string& one, std::string other) {
        if (*rc::gen::arbitrary<bool>() && !one.empty()) other = one.substr(1);
        for (const char c : nats_token(one))
            RC_ASSERT(std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                      c == '=');
        RC_ASSERT((nats_token(one) == nats_token(other)) == (one == other));
        RC_ASSERT(nats_token(one) != kNoticeToken);
    });
}

TEST_CASE("an event has its subject, and a notice one that no user has", "[notifier][nats]") {
    CHECK(subject_of(subject("presence.{user}"), event_of("a.b")) == "presence.a=2eb");
    CHECK(subject_of(subject("p.{slot}.u-{user}.{state}"), event_of("x")) == "p.7.u-x.online");
    CHECK(subject_of(subject("presence"), event_of("x")) == "presence");
    CHECK(subject_of(subject("p.{user}.{state}"), notice()) == "p.=gap.=gap");
}

TEST_CASE("all that may go there is subscribed to under one subject", "[notifier][nats]") {
    CHECK(wildcard_of(subject("presence.{user}")) == "presence.*");
    CHECK(wildcard_of(subject("a.{slot}.x-{user}{state}.end")) == "a.*.*.end");
    CHECK(wildcard_of(subject("presence")) == "presence");
}

TEST_CASE("a stream's answer says what became of an event, and whose fault it is",
          "[notifier][nats]") {
    const auto taken = parse_stream_answer(R"({"stream":"presence","seq":7})");
    CHECK((taken.taken && !taken.duplicate));
    const auto again = parse_stream_answer(R"({"stream":"p","seq":7,"duplicate":true})");
    CHECK((again.taken && again.duplicate));
    const auto error = [](const std::string& code) {
        return parse_stream_answer(R"({"error":{"code":400,"err_code":)" + code +
                                   R"(,"description":"no"},"stream":"p","seq":0})");
    };
    CHECK((!error("10054").taken && error("10054").fault == Fault::event));
    CHECK(error("10097").fault == Fault::event);
    CHECK((!error("10077").taken && error("10077").fault == Fault::place));
    CHECK(error("10077").reason == "no (400/10077)");
    for (const char* text : {"", "+OK", "[]", "{}", "{\"error\":{}}", "{\"error\":7}",
                             "{\"stream\":\"p\"}", "{\"error\":{\"description\":7}}"}) {
        const auto answer = parse_stream_answer(text);
        CHECK((!answer.taken && answer.fault == Fault::place && !answer.reason.empty()));
    }
}

TEST_CASE("what a NATS server says comes with what to do", "[notifier][nats]") {
    CHECK_THAT(nats_advice("Authorization Violation"), Contains("password_file"));
    CHECK_THAT(nats_advice("Permissions Violation for Publish to \"a\""), Contains("publish"));
    CHECK_THAT(nats_advice("secure connection required"), Contains("ca_file"));
    CHECK(nats_advice("stale connection").empty());
    CHECK(without_source("(unix/sock.c:58): Timeout") == "Timeout");
    CHECK(without_source("No server available") == "No server available");
}
