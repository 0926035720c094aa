#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Signatures of Standard Webhooks 1.0.0, symmetric: pure.
namespace presence::notifier {

// Keys, ready for use; bytes that are told to nobody.
struct WebhookSecrets {
    std::vector<std::string> keys;  // the newest first
    std::string fault;              // why there are none: tells the line, never what stands there
};

// Secrets as they are written down, "whsec_<base64 of 24 to 64 bytes>", one a line (or word), at
// most kWebhookSecretsMax. Empty lines and those that begin with # are skipped.
inline constexpr std::size_t kWebhookSecretsMax = 8;
[[nodiscard]] WebhookSecrets parse_webhook_secrets(std::string_view text);

// The header webhook-signature: "v1,<base64 of HMAC-SHA256>" of "ID.TIMESTAMP.BODY" by each key,
// with spaces between. The id must not contain a dot.
[[nodiscard]] std::string webhook_signature(const std::vector<std::string>& keys,
                                            std::string_view id, std::int64_t timestamp,
                                            std::string_view body);

}  // namespace presence::notifier
