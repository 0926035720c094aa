#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Where in NATS events go. Pure.
namespace presence {

// "nats://HOST[:PORT]", or "tls://" if nothing else is to be spoken.
struct NatsUrl {
    std::string host;  // a name, or an address without brackets
    int port = 4222;
    bool tls = false;
    std::string origin;  // for messages
};

// Fills `out` and returns nothing, or says what is wrong, ready to follow "`url`: ". Strict: no
// user or password, which would be printed and logged.
[[nodiscard]] std::string parse_nats_url(std::string_view text, NatsUrl& out);

// "presence.{user}" taken apart: of each event its subject.
struct NatsSubject {
    static constexpr std::size_t kBytesMax = 256;  // of the text

    enum class Field : std::uint8_t { text, user, slot, state };
    struct Part {
        Field field = Field::text;
        std::string text{};
    };
    std::vector<Part> parts;
};

// Fills `out` and returns nothing, or says what is wrong, ready to follow "`subject`: ". The tokens
// between the dots are not empty, and no server would take one for a wildcard, or for its own.
[[nodiscard]] std::string parse_nats_subject(std::string_view text, NatsSubject& out);

}  // namespace presence
