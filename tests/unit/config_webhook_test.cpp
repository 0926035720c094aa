#include <catch2/catch.hpp>

#include "common/config/read.hpp"
#include "common/config/url.hpp"

using namespace presence;

namespace {

Config read(const std::string& text) {
    ConfigOrigin origin{"f", {}};
    Config config = read_config(parse_toml(text, "f"), origin);
    complete_config(config, origin);
    check_config(config, origin);
    return config;
}

// Of a sink whose type is in line 2 and whose other lines are these.
std::string complaint(const std::string& lines) {
    try {
        (void)read("[[sink]]\ntype = \"webhook\"\n" + lines);
    } catch (const ConfigError& e) {
        return e.what();
    }
    return "accepted";
}

const std::string kUrl = "url = \"https://example.org/hook\"\n";
const std::string kSecret = "secret_file = \"/etc/presence/secret\"\n";

std::string complaint_of_url(const std::string& url, const std::string& more = {}) {
    return complaint("url = \"" + url + "\"\n" + kSecret + more);
}

}  // namespace

TEST_CASE("a webhook needs a url and a secret", "[config][webhook]") {
    CHECK(complaint(kUrl + kSecret) == "accepted");
    CHECK(complaint(kUrl + "secret_env = \"HOOK_SECRET\"\n") == "accepted");
    CHECK(complaint(kSecret) == "f:1: the sink `webhook` needs a `url`");
    CHECK_THAT(complaint(kUrl), Catch::StartsWith("f:1: the sink `webhook` needs a `secret_file`"));
    CHECK(complaint(kUrl + kSecret + "secret_env = \"HOOK_SECRET\"\n") ==
          "f:5: `secret_file` and `secret_env`: one of the two");
}

TEST_CASE("a secret that stands in the file is refused and not repeated", "[config][webhook]") {
    const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for (const char* key : {"secret", "secret_file", "secret_env"}) {
        const auto told = complaint(kUrl + key + " = \"" + secret + "\"\n");
        CHECK_THAT(told, Catch::StartsWith("f:4: ") && !Catch::Contains("MfKQ9"));
    }
    for (const auto& url : {"https://user:MfKQ9@example.org/", "https://MfKQ9@[::1]/"})
        CHECK_THAT(complaint_of_url(url), Catch::StartsWith("f:3: `url`: a user or password") &&
                                              !Catch::Contains("MfKQ9"));
    CHECK_THAT(complaint_of_url("https://example.org/MfKQ9#"), !Catch::Contains("MfKQ9"));
    CHECK_THAT(complaint(kUrl + kSecret + "proxy = \"http://u:MfKQ9@proxy:3128\"\n"),
               Catch::StartsWith("f:5: `proxy`") && !Catch::Contains("MfKQ9"));
}

TEST_CASE("a webhook's numbers and durations have bounds", "[config][webhook]") {
    const auto with = [](const std::string& line) { return complaint(kUrl + kSecret + line); };
    CHECK(with("timeout = \"100ms\"\nconnect_timeout = \"10m\"\nbatch_max = 5000\n") == "accepted");
    CHECK_THAT(with("timeout = \"99ms\"\n"),
               Catch::StartsWith("f:5: `timeout` in [[sink]] must lie between 100ms and 10m"));
    CHECK_THAT(with("timeout = \"1s1\"\n"), Catch::Contains("must be a duration"));
    CHECK_THAT(with("timeout = 5\n"), Catch::Contains("must be a duration in quotes"));
    CHECK_THAT(with("connect_timeout = \"1000500us\"\n"), Catch::Contains("whole milliseconds"));
    CHECK_THAT(with("batch_max = 0\n"), Catch::Contains("must lie between 1 and 5000"));
    CHECK_THAT(with("allow_private = 1\n"), Catch::Contains("must be true or false"));
    CHECK_THAT(with("alow_private = true\n"), Catch::Contains("did you mean `allow_private`?"));
    CHECK(with("path = \"x\"\n") ==
          "f:5: `path` is for a sink of type jsonl, this one is of type webhook");
}

TEST_CASE("a webhook's settings belong to a webhook", "[config][webhook]") {
    for (const char* line : {"secret_env = \"S\"", "allow_private = true", "batch_max = 1"})
        CHECK_THROWS_WITH(read("[[sink]]\ntype = \"stdout\"\n" + std::string(line) + "\n"),
                          Catch::Contains("is for a sink of type webhook, this one is of type "
                                          "stdout"));
}

TEST_CASE("addresses beside the public internet need allow_private", "[config][webhook]") {
    for (const char* host : {"127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fe80::1]",
                             "[::ffff:10.0.0.1]", "localhost", "0.0.0.0"}) {
        const auto url = "https://" + std::string(host) + ":8443/hook";
        CHECK_THAT(complaint_of_url(url),
                   Catch::StartsWith("f:3: `url` leads to " + std::string(host)) &&
                       Catch::Contains("allow_private"));
        CHECK(complaint_of_url(url, "allow_private = true\n") == "accepted");
    }
    CHECK(complaint_of_url("https://8.8.8.8/") == "accepted");
}

TEST_CASE("http needs allow_plaintext beyond loopback", "[config][webhook]") {
    CHECK_THAT(complaint_of_url("http://example.org/"),
               Catch::StartsWith("f:3: `url` is http") && Catch::Contains("allow_plaintext"));
    CHECK(complaint_of_url("http://example.org/", "allow_plaintext = true\n") == "accepted");
    CHECK(complaint_of_url("http://127.0.0.1:8080/", "allow_private = true\n") == "accepted");
    CHECK_THAT(complaint_of_url("http://10.0.0.1/", "allow_private = true\n"),
               Catch::Contains("allow_plaintext"));
}

TEST_CASE("a url is taken apart, and refused where two readers could differ", "[config][webhook]") {
    Url url;
    CHECK(parse_url("https://example.org:8443/a/b?c=d@e", url).empty());
    CHECK(url.host == "example.org");
    CHECK(url.origin == "https://example.org:8443");
    CHECK(parse_url("http://[2001:db8::1]?x", url).empty());
    CHECK(url.host == "[2001:db8::1]");
    CHECK(url.origin == "http://[2001:db8::1]");
    CHECK(parse_url("https://example.org", url).empty());
    for (const char* text : {"",
                             "ftp://example.org/",
                             "HTTPS://example.org/",
                             "https:/example.org",
                             "https://",
                             "https:///x",
                             "https://example.org:0/",
                             "https://example.org:65536/",
                             "https://example.org:/",
                             "https://example.org:80x/",
                             "https://exa mple.org/",
                             "https://ex%61mple.org/",
                             "https://b\xc3\xbc\x63her.de/",
                             "https://example.org/\n",
                             "https://[::1/",
                             "https://[::1]x/",
                             "https://[1.2.3.4]/",
                             "https://a\\@b/",
                             "https://example.org/\\x",
                             "https://example.org/#x",
                             "file:///etc/passwd"}) {
        INFO(text);
        CHECK(!parse_url(text, url).empty());
    }
    CHECK(url.host == "example.org");
}
