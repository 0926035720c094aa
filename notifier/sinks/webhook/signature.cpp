#include "notifier/sinks/webhook/signature.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "common/check.hpp"

namespace presence::notifier {

namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kKeyBytesMin = 24;
constexpr std::size_t kKeyBytesMax = 64;
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string encode(const unsigned char* bytes, std::size_t size) {
    std::string text(4 * ((size + 2) / 3) + 1, '\0');  // with the zero that OpenSSL writes
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes,
                                        static_cast<int>(size));
    text.resize(static_cast<std::size_t>(written));
    return text;
}

// Strict, as OpenSSL's own is not; empty for what is no base64.
std::string decode(std::string_view text) {
    const auto body = text.substr(0, text.find_last_not_of('=') + 1);
    const auto padding = text.size() - body.size();
    if (text.empty() || text.size() % 4 != 0 || padding > 2 ||
        body.find_first_not_of(kBase64) != std::string_view::npos)
        return {};
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return {};
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

// Takes the next word of the line off its front.
std::string_view next_word(std::string_view& line) {
    constexpr std::string_view kSpaces = " \t\r";
    line.remove_prefix(std::min(line.find_first_not_of(kSpaces), line.size()));
    const auto word = line.substr(0, line.find_first_of(kSpaces));
    line.remove_prefix(word.size());
    return word;
}

}  // namespace

WebhookSecrets parse_webhook_secrets(std::string_view text) {
    WebhookSecrets out;
    for (std::size_t number = 1; !text.empty() && out.fault.empty(); ++number) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        for (auto word = next_word(line); !word.empty() && word.front() != '#';
             word = next_word(line)) {
            const auto key =
                word.starts_with(kPrefix) ? decode(word.substr(kPrefix.size())) : std::string();
            if (key.size() < kKeyBytesMin || key.size() > kKeyBytesMax)
                out.fault = "line " + std::to_string(number) +
                            " is no secret: whsec_ and the base64 of 24 to 64 random bytes";
            else if (out.keys.size() == kWebhookSecretsMax)
                out.fault = "more than " + std::to_string(kWebhookSecretsMax) + " secrets";
            else
                out.keys.push_back(key);
        }
    }
    if (out.fault.empty() && out.keys.empty()) out.fault = "no secret is there";
    if (!out.fault.empty()) out.keys.clear();
    return out;
}

std::string webhook_signature(const std::vector<std::string>& keys, std::string_view id,
                              std::int64_t timestamp, std::string_view body) {
    PRESENCE_CHECK(id.find('.') == std::string_view::npos,
                   "a dot in an id makes signatures fit "
                   "other messages");
    std::string content(id);
    content.append(".").append(std::to_string(timestamp)).append(".").append(body);
    std::string signatures;
    for (const auto& key : keys) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned int size = 0;
        const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                reinterpret_cast<const unsigned char*>(content.data()),
                                content.size(), digest.data(), &size);
        PRESENCE_CHECK(done != nullptr, "HMAC-SHA256 failed");
        signatures += signatures.empty() ? "v1," : " v1,";
        signatures += encode(digest.data(), size);
    }
    return signatures;
}

}  // namespace presence::notifier
