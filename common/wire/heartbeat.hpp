#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/msgpack_tokens.hpp"
#include "common/wire/reject.hpp"

// The public heartbeat message, edge to collector (docs/protocol.md, "Heartbeats").
namespace presence {

// One item, its wrong fields left out. Views live as long as the message bytes and the Heartbeats
// that hold it.
struct Heartbeat {
    std::string_view user{};
    std::string_view session{};                // empty: the unnamed session
    std::optional<std::string_view> status{};  // empty string: clear
    std::uint32_t ttl_ms = 0;                  // 0: the default
    std::uint64_t age_ms = 0;
    bool bye = false;
    std::optional<std::uint32_t> linger_ms{};  // of a bye; none: as configured
};

struct Envelope {
    std::string_view edge{};  // empty: the message was no envelope
    std::uint64_t boot = 0;
    std::uint64_t seq = 0;
    std::optional<std::uint64_t> sent_ms{};  // the edge's monotonic clock
};

// A decoded message; reuse one object, its memory is kept.
struct Heartbeats {
    Envelope envelope;
    // Those that keep the contract: as mere ids if none of the message says anything else, which is
    // the most frequent and quicker, otherwise as beats.
    std::vector<std::string_view> ids;
    std::vector<Heartbeat> beats;
    // The first item that counts, or would, with a field that is wrong.
    struct Wrong {
        std::string_view user;
        Reject field{};
    };
    std::optional<Wrong> wrong;
    std::deque<std::string> texts;  // decimal texts of integer ids, and names of our own
    MsgpackTokens tokens;           // scratch of the decoder
    std::string head;               // the same: of an envelope

    void clear();
    // Makes beats of ids, for who wants but one form.
    void spell_out();
};

// Decodes one message. What is wrong is counted in `rejects` and left out: a field, or an item of
// which nobody knows who lives; a message that is no msgpack, too large or too deep, or an envelope
// with a bad or no edge, counts once and yields nothing. Allocates in proportion to the
// items found, never to a length that the message merely claims.
void decode_heartbeats(std::string_view message, Heartbeats& out, Rejects& rejects);

// What a client sends: used by `presence beat`, `presence bench` and tests. With an edge name:
// an envelope; otherwise an item or an array of items, plain ids where nothing else is said.
[[nodiscard]] std::string encode_heartbeats(const Envelope& envelope,
                                            const std::vector<Heartbeat>& beats);

}  // namespace presence
