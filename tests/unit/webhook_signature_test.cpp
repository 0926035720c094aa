#include <catch2/catch.hpp>

#include "notifier/sinks/webhook/signature.hpp"

using namespace presence;
using notifier::parse_webhook_secrets;
using notifier::webhook_signature;

namespace {

// The example of the libraries of Standard Webhooks.
const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string kOther = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
constexpr const char* kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kTimestamp = 1'614'265'330;
constexpr const char* kBody = R"({"test": 2432232314})";
const std::string kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

std::string fault(const std::string& text) {
    const auto secrets = parse_webhook_secrets(text);
    CHECK(secrets.fault.empty() != secrets.keys.empty());
    return secrets.fault;
}

}  // namespace

TEST_CASE("the published example is signed as published", "[notifier][webhook]") {
    const auto secrets = parse_webhook_secrets(kSecret);
    REQUIRE(secrets.keys.size() == 1);
    CHECK(webhook_signature(secrets.keys, kId, kTimestamp, kBody) == kSignature);
}

TEST_CASE("each key signs, in the order of the file", "[notifier][webhook]") {
    const auto secrets = parse_webhook_secrets(kOther + "\n" + kSecret + "\n");
    REQUIRE(secrets.keys.size() == 2);
    const auto other = webhook_signature({secrets.keys[0]}, kId, kTimestamp, kBody);
    CHECK(other != kSignature);
    CHECK(webhook_signature(secrets.keys, kId, kTimestamp, kBody) == other + " " + kSignature);
}

TEST_CASE("id, time and body are all signed", "[notifier][webhook]") {
    const auto keys = parse_webhook_secrets(kSecret).keys;
    CHECK(webhook_signature(keys, "msg_other", kTimestamp, kBody) != kSignature);
    CHECK(webhook_signature(keys, kId, kTimestamp + 1, kBody) != kSignature);
    CHECK(webhook_signature(keys, kId, kTimestamp, "{}") != kSignature);
}

TEST_CASE("secrets stand one a line, with comments", "[notifier][webhook]") {
    CHECK(parse_webhook_secrets("# new\n\n  " + kSecret + "  # of May\r\n" + kOther).keys.size() ==
          2);
    CHECK(parse_webhook_secrets(kSecret + " " + kOther).keys.size() == 2);
    // 24 and 64 bytes are the bounds of the specification.
    CHECK(fault("whsec_" + std::string(32, 'A')).empty());
    CHECK(fault("whsec_" + std::string(86, 'A') + "==").empty());
    CHECK(parse_webhook_secrets("whsec_" + std::string(86, 'A') + "==").keys[0].size() == 64);
}

TEST_CASE("what is no secret is told by its line and not repeated", "[notifier][webhook]") {
    for (const std::string bad :
         {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La",
          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_w",
          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa===", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw----",
          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa=w", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}) {
        INFO(bad);
        const auto told = fault(kSecret + "\n" + bad + "\n");
        CHECK_THAT(told, Catch::StartsWith("line 2 is no secret") && !Catch::Contains("MfKQ9"));
    }
    CHECK(!fault("whsec_" + std::string(86, 'A') + "AA==").empty());
    CHECK(fault("") == "no secret is there");
    CHECK(fault("# none\n") == "no secret is there");
    std::string many;
    for (int i = 0; i < 9; ++i)
        many += kSecret + "\n";
    CHECK(fault(many) == "more than 8 secrets");
}
