#include "common/heartbeat.hpp"

#include "common/limits.hpp"
#include "common/msgpack_writer.hpp"
#include "common/text.hpp"

namespace presence {
namespace {

using Cursor = MsgpackTokens::Cursor;
using Kind = MsgpackTokens::Kind;

Reject reject_of_user(TextFault fault) {
    switch (fault) {
        case TextFault::empty:
            return Reject::user_empty;
        case TextFault::too_long:
            return Reject::user_too_long;
        case TextFault::control:
            return Reject::user_control;
        default:
            return Reject::user_not_utf8;
    }
}

// Reads the values of one message in the order they stand there. A reader that fails says why and
// leaves the cursor behind the value, so that the next item is read as if nothing had been.
class Decoder {
public:
    Decoder(Heartbeats& out, Counters<Reject>& rejects)
        : cursor_(out.tokens.cursor()), out_(out), rejects_(rejects) {}

    void message() {
        if (cursor_.peek() == Kind::map && has_beats()) return envelope();
        if (cursor_.peek() == Kind::array) return items();
        item();
    }

    // An envelope in which nil stands for the list of its beats, decoded already. False if it is
    // none, or if anything comes after the list.
    bool head() {
        if (cursor_.peek() != Kind::map || !has_beats()) return false;
        std::optional<Cursor> beats;
        const auto fault = envelope_fields(beats);
        if (!beats->nil() || !beats->at_end()) return false;
        if (fault) {
            out_.ids.clear();
            refuse_envelope(*fault);
        }
        return true;
    }

private:
    using Fault = std::optional<Reject>;

    void items() {
        const auto count = cursor_.array();
        if (!count) return fail(Reject::wrong_type);
        for (std::uint32_t i = 0; i < *count; ++i)
            item();
    }

    void item() {
        auto& beat = out_.beats.emplace_back();
        const Fault fault = cursor_.peek() == Kind::map ? fields(beat) : user(beat.user);
        if (!fault) return;
        out_.beats.pop_back();
        rejects_.add(*fault);
    }

    Fault fields(Heartbeat& beat) {
        bool named = false;
        Fault first;
        const auto pairs = cursor_.map();
        for (std::uint32_t i = 0; i < *pairs; ++i) {
            const Fault fault = field(beat, named);
            if (!first) first = fault;
        }
        if (!first && !named) first = Reject::user_missing;
        return first;
    }

    Fault field(Heartbeat& beat, bool& named) {
        const auto key = cursor_.text();
        if (!key) cursor_.skip();
        if (key == "user") {
            named = true;
            return user(beat.user);
        }
        if (key == "session") return text(beat.session, Reject::bad_session);
        if (key == "status") return status(beat.status);
        if (key == "ttl_ms") return ttl(beat.ttl_ms);
        if (key == "age_ms") return number(beat.age_ms);
        if (key == "bye") {
            const auto bye = cursor_.boolean();
            if (!bye) return skip_wrong();
            beat.bye = *bye;
            return {};
        }
        cursor_.skip();
        return {};
    }

    Fault user(std::string_view& to) {
        const auto kind = cursor_.peek();
        if (kind == Kind::unsigned_) {
            to = out_.texts.emplace_back(std::to_string(*cursor_.unsigned_number()));
            return {};
        }
        if (kind == Kind::negative) {
            to = out_.texts.emplace_back(std::to_string(*cursor_.number()));
            return {};
        }
        const auto text = cursor_.text();
        if (!text) return skip_wrong();
        const auto fault = check_text(*text, kUserBytesMax);
        if (fault != TextFault::none) return reject_of_user(fault);
        to = *text;
        return {};
    }

    Fault text(std::string_view& to, Reject reject) {
        const auto text = cursor_.text();
        if (!text) return skip_wrong();
        if (check_text(*text, kNameBytesMax) != TextFault::none) return reject;
        to = *text;
        return {};
    }

    Fault status(std::optional<std::string_view>& to) {
        const auto text = cursor_.text();
        if (!text) return skip_wrong();
        const auto fault = check_text(*text, kNameBytesMax);
        if (fault != TextFault::none && fault != TextFault::empty) return Reject::bad_status;
        to = *text;
        return {};
    }

    Fault ttl(std::uint32_t& to) {
        const auto ttl = cursor_.unsigned_number();
        if (!ttl) return skip_wrong();
        if (*ttl < kTtlMinMs || *ttl > kTtlMaxMs) return Reject::bad_ttl;
        to = static_cast<std::uint32_t>(*ttl);
        return {};
    }

    Fault number(std::uint64_t& to) {
        const auto number = cursor_.unsigned_number();
        if (!number) return skip_wrong();
        to = *number;
        return {};
    }

    [[nodiscard]] bool has_beats() const {
        Cursor look = cursor_;
        const auto pairs = look.map();
        for (std::uint32_t i = 0; i < *pairs; ++i) {
            const auto key = look.text();
            if (key == "beats") return true;
            if (!key) look.skip();
            look.skip();
        }
        return false;
    }

    // Who speaks is read before what is said: whose sessions the items are hangs on the edge.
    void envelope() {
        std::optional<Cursor> beats;
        if (const auto fault = envelope_fields(beats)) return refuse_envelope(*fault);
        cursor_ = *beats;
        items();
    }

    void refuse_envelope(Reject reject) {
        out_.envelope = {};
        rejects_.add(reject);
    }

    // All but the beats; where these stand.
    Fault envelope_fields(std::optional<Cursor>& beats) {
        const auto pairs = cursor_.map();
        Fault first;
        for (std::uint32_t i = 0; i < *pairs; ++i) {
            const auto key = cursor_.text();
            if (!key) cursor_.skip();
            Fault fault;
            if (key == "edge") {
                fault = text(out_.envelope.edge, Reject::bad_edge);
            } else if (key == "boot") {
                fault = number(out_.envelope.boot);
            } else if (key == "seq") {
                fault = number(out_.envelope.seq);
            } else if (key == "sent_ms") {
                fault = number(out_.envelope.sent_ms.emplace());
            } else {
                if (key == "beats") beats = cursor_;
                cursor_.skip();
            }
            if (!first) first = fault;
        }
        if (!first && out_.envelope.edge.empty()) first = Reject::bad_edge;
        return first;
    }

    Reject skip_wrong() {
        cursor_.skip();
        return Reject::wrong_type;
    }

    void fail(Reject reject) {
        cursor_.skip();
        rejects_.add(reject);
    }

    Cursor cursor_;
    Heartbeats& out_;
    Counters<Reject>& rejects_;
};

// Takes a short string from the front of `left`, and whether it may be an id.
bool take_plain_id(std::string_view& left, std::string_view& id) {
    if (left.empty()) return false;
    const auto head = static_cast<unsigned char>(left[0]);
    std::size_t size = head & 0x1fu;
    std::size_t skip = 1;
    if (head == 0xd9) {
        if (left.size() < 2) return false;
        size = static_cast<unsigned char>(left[1]);
        skip = 2;
    } else if (head >> 5 != 0xa0 >> 5) {
        return false;
    }
    if (left.size() < skip + size) return false;
    id = left.substr(skip, size);
    left.remove_prefix(skip + size);
    return check_text(id, kUserBytesMax) == TextFault::none;
}

// Takes the head of a short list from the front of `left`.
bool take_short_list(std::string_view& left, std::size_t& count) {
    if (left.empty()) return false;
    const auto head = static_cast<unsigned char>(left[0]);
    if (head >> 4 == 0x9) {
        count = head & 0x0fu;
        left.remove_prefix(1);
        return true;
    }
    if (head != 0xdc || left.size() < 3) return false;
    count =
        std::size_t{static_cast<unsigned char>(left[1])} << 8 | static_cast<unsigned char>(left[2]);
    left.remove_prefix(3);
    return true;
}

// Exactly so many ids and nothing else. False if it is not; then `out` is as it was found.
bool decode_plain_ids(std::string_view list, std::size_t count, Heartbeats& out) {
    // Each takes two bytes at least: no room for what the list merely claims.
    if (count > list.size() / 2) return false;
    out.ids.resize(count);
    bool good = true;
    for (std::size_t i = 0; i < count && good; ++i)
        good = take_plain_id(list, out.ids[i]);
    if (good && list.empty()) return true;
    out.ids.clear();
    return false;
}

// The fast path: one id or a list of them, all strings and good, as most messages are. False for
// any other message; then `out` is as it was found.
bool decode_plain_message(std::string_view message, Heartbeats& out) {
    std::size_t count = 1;
    take_short_list(message, count);
    return decode_plain_ids(message, count, out);
}

// The same for an envelope of such a list that comes last: the rest is decoded with nil in its
// place.
bool decode_plain_envelope(std::string_view message, Heartbeats& out, Counters<Reject>& rejects) {
    constexpr std::string_view kKey =
        "\xa5"
        "beats";
    constexpr std::size_t kHeadMax = 256;
    constexpr char kNil = '\xc0';
    const bool map = !message.empty() && static_cast<unsigned char>(message[0]) >> 4 == 0x8;
    const auto key = map ? message.substr(0, kHeadMax).find(kKey) : message.npos;
    if (key == message.npos) return false;
    auto ids = message.substr(key + kKey.size());
    std::size_t count = 0;
    if (!take_short_list(ids, count) || !decode_plain_ids(ids, count, out)) return false;
    out.head.assign(message, 0, key + kKey.size()) += kNil;
    if (!out.tokens.parse(out.head, out.head.size()) || !Decoder(out, rejects).head()) {
        out.clear();
        return false;
    }
    auto& edge = out.envelope.edge;
    if (!edge.empty())
        edge = message.substr(static_cast<std::size_t>(edge.data() - out.head.data()), edge.size());
    return true;
}

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
        case Reject::bad_edge:
            return "bad_edge";
        case Reject::bad_ttl:
            return "bad_ttl";
        case Reject::stale:
            return "stale";
        case Reject::edges_limit:
            return "edges_limit";
        case Reject::count_:
            break;
    }
    return "unknown";
}

void Heartbeats::clear() {
    envelope = {};
    ids.clear();
    beats.clear();
    if (!texts.empty()) texts.clear();
}

void Heartbeats::spell_out() {
    for (const auto id : ids)
        beats.emplace_back().user = id;
    ids.clear();
}

void decode_heartbeats(std::string_view message, Heartbeats& out, Counters<Reject>& rejects) {
    out.clear();
    if (message.size() > kHeartbeatMessageBytesMax) return rejects.add(Reject::too_large);
    if (decode_plain_message(message, out) || decode_plain_envelope(message, out, rejects)) return;
    // Each token takes a byte at least, so the message's own bound is the tokens' as well.
    if (!out.tokens.parse(message, kHeartbeatMessageBytesMax))
        return rejects.add(out.tokens.fault() == MsgpackTokens::Fault::too_deep
                               ? Reject::too_deep
                               : Reject::not_msgpack);
    Decoder(out, rejects).message();
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
