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
    writer.map(1u + named + beat.status.has_value() + (beat.ttl_ms != 0) + (beat.age_ms != 0) +
               beat.bye);
    writer.text("user").text(beat.user);
    if (named) writer.text("session").text(beat.session);
    if (beat.status) writer.text("status").text(*beat.status);
    if (beat.ttl_ms != 0) writer.text("ttl_ms").number(beat.ttl_ms);
    if (beat.age_ms != 0) writer.text("age_ms").number(beat.age_ms);
    if (beat.bye) writer.text("bye").boolean(true);
}

}  // namespace

std::string_view name_of(Reject reject) {
    switch (reject) {
        case Reject::not_msgpack:
            return "not_msgpack";
        case Reject::too_large:
            return "too_large";
        case Reject::too_deep:
            return "too_deep";
        case Reject::multipart:
            return "multipart";
        case Reject::wrong_type:
            return "wrong_type";
        case Reject::user_missing:
            return "user_missing";
        case Reject::user_empty:
            return "user_empty";
        case Reject::user_too_long:
            return "user_too_long";
        case Reject::user_control:
            return "user_control";
        case Reject::user_not_utf8:
            return "user_not_utf8";
        case Reject::bad_session:
            return "bad_session";
        case Reject::bad_status:
            return "bad_status";
        case Reject::bad_ttl:
            return "bad_ttl";
        case Reject::bad_age:
            return "bad_age";
        case Reject::bad_bye:
            return "bad_bye";
        case Reject::bad_edge:
            return "bad_edge";
        case Reject::bad_envelope:
            return "bad_envelope";
        case Reject::stale:
            return "stale";
        case Reject::edges_limit:
            return "edges_limit";
        case Reject::count_:
            break;
    }
    return "unknown";
}

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
