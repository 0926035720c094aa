// Heartbeat messages: what is read keeps the contract, and our encoder writes it back.
#include "common/limits.hpp"
#include "common/wire/heartbeat.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace presence;

void fuzz(std::string_view bytes) {
    Heartbeats decoded;
    Rejects rejects;
    decode_heartbeats(bytes, decoded, rejects);
    expect(decoded.ids.empty() || decoded.beats.empty());
    decoded.spell_out();
    expect(decoded.envelope.edge.size() <= kNameBytesMax);
    for (const auto& beat : decoded.beats) {
        expect(!beat.user.empty() && beat.user.size() <= kUserBytesMax);
        expect(beat.session.size() <= kNameBytesMax);
        expect(!beat.status || beat.status->size() <= kNameBytesMax);
        expect(beat.ttl_ms == 0 || (beat.ttl_ms >= kTtlMinMs && beat.ttl_ms <= kTtlMaxMs));
    }
    const auto again = encode_heartbeats(decoded.envelope, decoded.beats);
    if (again.size() > kHeartbeatMessageBytesMax) return;
    Heartbeats twice;
    Rejects none;
    decode_heartbeats(again, twice, none);
    twice.spell_out();
    expect(twice.beats.size() == decoded.beats.size());
    for (std::size_t i = 0; i < twice.beats.size(); ++i) {
        expect(twice.beats[i].user == decoded.beats[i].user);
        expect(twice.beats[i].bye == decoded.beats[i].bye);
        expect(twice.beats[i].status == decoded.beats[i].status);
    }
}
