// Heartbeats as a client writes them, and the names of what may be wrong with them.
#include "common/wire/heartbeat.hpp"
#include "common/wire/msgpack_writer.hpp"

namespace presence {
namespace {

bool is_plain(const Heartbeat& beat) {
    return beat.session.empty() && !beat.status && beat.ttl_ms == 0 && beat.age_ms == 0 &&
           !beat.bye;
}

void write_item(MsgpackWriter& writer, const Heartbeat& beat) {
    if (is_plain(beat)) {
        writer.text(beat.user);
        return;
    }
    const bool named = !beat.session.empty();
    const bool lingers = beat.bye && beat.linger_ms;
    writer.map(1u + named + beat.status.has_value() + (beat.ttl_ms != 0) + (beat.age_ms != 0) +
               beat.bye + lingers);
    writer.text("user").text(beat.user);
    if (named) writer.text("session").text(beat.session);
    if (beat.status) writer.text("status").text(*beat.status);
    if (beat.ttl_ms != 0) writer.text("ttl_ms").number(beat.ttl_ms);
    if (beat.age_ms != 0) writer.text("age_ms").number(beat.age_ms);
    if (beat.bye) writer.text("bye").boolean(true);
    if (lingers) writer.text("linger_ms").number(*beat.linger_ms);
}

}  // namespace

std::string encode_heartbeats(const Envelope& envelope, const std::vector<Heartbeat>& beats) {
    MsgpackWriter writer;
    if (!envelope.edge.empty()) {
        writer.map(4u + envelope.sent_ms.has_value());
        writer.text("edge").text(envelope.edge);
        writer.text("boot").number(envelope.boot);
        writer.text("seq").number(envelope.seq);
        if (envelope.sent_ms) writer.text("sent_ms").number(*envelope.sent_ms);
        writer.text("beats");
    }
    if (!envelope.edge.empty() || beats.size() != 1) writer.array(beats.size());
    for (const auto& beat : beats)
        write_item(writer, beat);
    return writer.take();
}

}  // namespace presence
