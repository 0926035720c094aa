#include <catch2/catch.hpp>

#include "common/config/built_in.hpp"
#include "common/config/nats_place.hpp"
#include "common/config/read.hpp"

using namespace presence;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// Of a sink whose type is in line 2 and whose other lines are these.
std::string complaint(const std::string& lines) {
    try {
        ConfigOrigin origin{"f", {}};
        Config config = read_config(parse_toml("[[sink]]\ntype = \"nats\"\n" + lines, "f"), origin);
        complete_config(config, origin);
        check_config(config, origin);
    } catch (const ConfigError& e) {
        return e.what();
    }
    return "accepted";
}

std::string url_fault(const std::string& text) {
    NatsUrl url;
    return parse_nats_url(text, url);
}

std::string subject_fault(const std::string& text) {
    NatsSubject subject;
    return parse_nats_subject(text, subject);
}

}  // namespace

TEST_CASE("a nats sink needs a url, and no secret beside it", "[config][nats]") {
    if (!is_built_in(SinkType::nats)) return;
    const std::string url = "url = \"nats://10.0.0.1\"\n";
    CHECK(complaint(url) == "accepted");
    CHECK(complaint("") == "f:1: the sink `nats` needs a `url`: nats://HOST:PORT");
    CHECK_THAT(complaint(url + "password = \"x\"\n"), StartsWith("f:4: a password here"));
    CHECK(complaint(url + "user = \"x\"\n") == "f:4: `user` needs a `password_file`");
    CHECK(complaint(url + "password_file = \"token\"\n") == "accepted");
    CHECK(complaint(url + "ca_file = \"x\"\n") ==
          "f:4: `ca_file` needs a `url` that begins with tls://");
    CHECK(complaint("url = \"tls://h\"\nca_file = \"x\"\njetstream = true\n") == "accepted");
    CHECK_THAT(complaint(url + "subject = \"a..b\"\n"), StartsWith("f:4: `subject`: there is an"));
    CHECK_THAT(complaint(url + "prefix = \"x\"\n"), Contains("for a sink of type redis"));
}

TEST_CASE("the url of a nats sink names one server", "[config][nats]") {
    NatsUrl url;
    CHECK(parse_nats_url("nats://queue.internal:5222", url).empty());
    CHECK((url.host == "queue.internal" && url.port == 5222 && !url.tls));
    CHECK(parse_nats_url("tls://[::1]/", url).empty());
    CHECK((url.host == "::1" && url.port == 4222 && url.tls));
    for (const char* text : {"", "h:4222", "http://h", "nats://", "nats://h:0", "nats://h:x",
                             "nats://h/x", "nats://a,nats://b", "nats://a b", "nats://[::1"})
        CHECK_FALSE(url_fault(text).empty());
    for (const char* text : {"nats://:MfKQ9@h", "tls://user:MfKQ9@h:1", "nats://MfKQ9@h"})
        CHECK_THAT(
            complaint("url = \"" + std::string(text) + "\"\n"),
            StartsWith(is_built_in(SinkType::nats) ? "f:3: `url`: a user or password" : "f:2: ") &&
                !Contains("MfKQ9"));
}

TEST_CASE("a subject has tokens, fields of an event, and no wildcards", "[config][nats]") {
    using Field = NatsSubject::Field;
    NatsSubject subject;
    CHECK(parse_nats_subject("a.{slot}.x-{user}.{state}", subject).empty());
    std::vector<Field> fields;
    for (const auto& part : subject.parts)
        fields.push_back(part.field);
    CHECK(fields == std::vector{Field::text, Field::slot, Field::text, Field::user, Field::text,
                                Field::state});
    CHECK(subject.parts[2].text == ".x-");
    CHECK(subject_fault("presence").empty());
    for (const char* text : {"", ".a", "a.", "a..b", "a b", "a.*", "a.>", "{users}", "{user",
                             "a.{}", "$JS.API", "_INBOX.a", "a\tb", "\xc3\xa9"})
        CHECK_FALSE(subject_fault(text).empty());
    CHECK_FALSE(subject_fault(std::string(NatsSubject::kBytesMax + 1, 'a')).empty());
}
