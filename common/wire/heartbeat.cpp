#include "common/wire/heartbeat.hpp"

#include <algorithm>

#include "common/limits.hpp"
#include "common/slots.hpp"
#include "common/text.hpp"

namespace presence {
namespace {

using Cursor = MsgpackTokens::Cursor;
using Kind = MsgpackTokens::Kind;

Reject reject_of_user(TextFault fault) {
    switch (fault) {
        case TextFault::empty:
            return Reject("user_empty");
        case TextFault::too_long:
            return Reject("user_too_long");
        case TextFault::control:
            return Reject("user_control");
        default:
            return Reject("user_not_utf8");
    }
}

// Reads the values of one message in the order they stand there. A reader that fails says why and
// leaves the cursor behind the value, so that the next item is read as if nothing had been.
class Decoder {
public:
    Decoder(Heartbeats& out, Rejects& rejects)
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
        } else {
            take_envelope();
        }
        return true;
    }

private:
    using Fault = std::optional<Reject>;

    void items() {
        const auto count = cursor_.array();
        if (!count) return fail(Reject("wrong_type"));
        for (std::uint32_t i = 0; i < *count; ++i)
            item();
    }

    struct Item {
        bool named = false;
        Fault dropped;       // why it does not count
        bool vague = false;  // whose end, or when, a bye does not say
    };

    void item() {
        auto& beat = out_.beats.emplace_back();
        Item item;
        if (cursor_.peek() == Kind::map)
            fields(beat, item);
        else
            item.dropped = user(beat.user);
        if (item.dropped) ++rejects_[*item.dropped];
        // A bye ends a session: none but the one that it surely means.
        if (item.dropped || (beat.bye && item.vague)) out_.beats.pop_back();
    }

    void fields(Heartbeat& beat, Item& item) {
        Fault wrong;
        const auto pairs = cursor_.map();
        for (std::uint32_t i = 0; i < *pairs; ++i) {
            const Fault fault = field(beat, item);
            if (fault) ++rejects_[*fault];
            if (!wrong) wrong = fault;
        }
        if (!item.dropped && !item.named) item.dropped = Reject("user_missing");
        if (wrong && !item.dropped && !out_.wrong) out_.wrong = {beat.user, *wrong};
    }

    // What is wrong with a field that the item can do without.
    Fault field(Heartbeat& beat, Item& item) {
        const auto key = cursor_.text();
        if (!key) cursor_.skip();
        if (key == "user") {
            item.named = true;
            const Fault fault = user(beat.user);
            if (!item.dropped) item.dropped = fault;
            return {};
        }
        if (key == "session") return session(beat.session, item);
        if (key == "status") return status(beat.status);
        if (key == "ttl_ms") return ttl(beat.ttl_ms);
        if (key == "age_ms") {
            const auto age = number();
            item.vague |= !age;
            beat.age_ms = age.value_or(0);
            return age ? Fault{} : Reject("bad_age");
        }
        if (key == "linger_ms") return linger(beat.linger_ms);
        if (key == "bye") {
            const auto bye = cursor_.boolean();
            if (!bye) cursor_.skip();
            beat.bye = bye.value_or(false);
            return bye ? Fault{} : Reject("bad_bye");
        }
        cursor_.skip();
        return {};
    }

    // A text, or an integer as its decimal text. Of another type: nothing, and it is skipped.
    std::optional<std::string_view> id() {
        const auto kind = cursor_.peek();
        if (kind == Kind::unsigned_)
            return out_.texts.emplace_back(std::to_string(*cursor_.unsigned_number()));
        if (kind == Kind::negative)
            return out_.texts.emplace_back(std::to_string(*cursor_.number()));
        const auto text = cursor_.text();
        if (!text) cursor_.skip();
        return text;
    }

    Fault user(std::string_view& to) {
        const auto id = this->id();
        if (!id) return Reject("wrong_type");
        const auto fault = check_text(*id, kUserBytesMax);
        if (fault != TextFault::none) return reject_of_user(fault);
        to = *id;
        return {};
    }

    // A name that breaks the rules still tells one connection from the others: a name of our own
    // stands for it.
    Fault session(std::string_view& to, Item& item) {
        const auto name = id();
        to = {};
        item.vague |= !name || name->empty();
        if (!name || name->empty()) return Reject("bad_session");
        to = *name;
        if (check_text(*name, kNameBytesMax) == TextFault::none) return {};
        to = out_.texts.emplace_back("?" + std::to_string(hash_of(*name)));
        return Reject("bad_session");
    }

    Fault status(std::optional<std::string_view>& to) {
        const auto text = cursor_.text();
        if (!text) cursor_.skip();
        if (!text) return Reject("bad_status");
        const auto fault = check_text(*text, kNameBytesMax);
        if (fault != TextFault::none && fault != TextFault::empty) return Reject("bad_status");
        to = *text;
        return {};
    }

    // Never shorter than what may have been meant: seconds, say, or more than there is.
    Fault ttl(std::uint32_t& to) {
        const auto ttl = number();
        to = 0;
        if (!ttl || *ttl < kTtlMinMs) return Reject("bad_ttl");
        to = static_cast<std::uint32_t>(std::min<std::uint64_t>(*ttl, kTtlMaxMs));
        return *ttl > kTtlMaxMs ? Reject("bad_ttl") : Fault{};
    }

    Fault linger(std::optional<std::uint32_t>& to) {
        const auto linger = number();
        to.reset();
        if (!linger || *linger > kLingerMaxMs) return Reject("bad_linger");
        to = static_cast<std::uint32_t>(*linger);
        return {};
    }

    std::optional<std::uint64_t> number() {
        const auto number = cursor_.unsigned_number();
        if (!number) cursor_.skip();
        return number;
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
        take_envelope();
        cursor_ = *beats;
        items();
    }

    void refuse_envelope(Reject reject) {
        out_.envelope = {};
        ++rejects_[reject];
    }

    // Without what says when it was sent, by which run, the way is not estimated.
    void take_envelope() {
        if (!bad_envelope_) return;
        out_.envelope.sent_ms.reset();
        ++rejects_["bad_envelope"];
    }

    // All but the beats; where these stand.
    Fault envelope_fields(std::optional<Cursor>& beats) {
        auto& envelope = out_.envelope;
        const auto pairs = cursor_.map();
        for (std::uint32_t i = 0; i < *pairs; ++i) {
            const auto key = cursor_.text();
            if (!key) cursor_.skip();
            if (key == "edge") {
                edge(envelope.edge);
            } else if (key == "boot" || key == "seq" || key == "sent_ms") {
                const auto value = number();
                bad_envelope_ |= !value;
                if (key == "boot") envelope.boot = value.value_or(0);
                if (key == "seq") envelope.seq = value.value_or(0);
                if (key == "sent_ms") envelope.sent_ms = value;
            } else {
                if (key == "beats") beats = cursor_;
                cursor_.skip();
            }
        }
        return envelope.edge.empty() ? Fault(Reject("bad_edge")) : Fault{};
    }

    void edge(std::string_view& to) {
        const auto text = cursor_.text();
        if (!text) cursor_.skip();
        const bool good = text && check_text(*text, kNameBytesMax) == TextFault::none;
        to = good ? *text : std::string_view{};
    }

    void fail(Reject reject) {
        cursor_.skip();
        ++rejects_[reject];
    }

    Cursor cursor_;
    Heartbeats& out_;
    Rejects& rejects_;
    bool bad_envelope_ = false;  // one of its fields, but not its edge
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
bool decode_plain_envelope(std::string_view message, Heartbeats& out, Rejects& rejects) {
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

}  // namespace

void Heartbeats::clear() {
    envelope = {};
    wrong.reset();
    ids.clear();
    beats.clear();
    if (!texts.empty()) texts.clear();
}

void Heartbeats::spell_out() {
    for (const auto id : ids)
        beats.emplace_back().user = id;
    ids.clear();
}

void decode_heartbeats(std::string_view message, Heartbeats& out, Rejects& rejects) {
    out.clear();
    if (message.size() > kHeartbeatMessageBytesMax) return void(++rejects["too_large"]);
    if (decode_plain_message(message, out) || decode_plain_envelope(message, out, rejects)) return;
    // Each token takes a byte at least, so the message's own bound is the tokens' as well.
    if (!out.tokens.parse(message, kHeartbeatMessageBytesMax))
        return void(++(out.tokens.fault() == MsgpackTokens::Fault::too_deep
                           ? rejects["too_deep"]
                           : rejects["not_msgpack"]));
    Decoder(out, rejects).message();
}

}  // namespace presence
