#include "common/wire/heartbeat.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "common/limits.hpp"
#include "common/wire/msgpack_writer.hpp"
#include "decoded.hpp"

using namespace presence;
using testing::Decoded;
using namespace std::string_literals;

namespace {

MsgpackWriter item() {
    return MsgpackWriter{};
}

// The one reason for which the one item in `message` is dropped.
void check_rejected(const std::string& message, Reject reason) {
    const Decoded decoded(message);
    INFO(reason.name());
    CHECK(decoded.beats.beats.empty());
    CHECK(decoded.rejects.total() == 1);
    CHECK(decoded.rejects[reason] == 1);
}

using Users = std::vector<std::string>;

}  // namespace

TEST_CASE("a message is an id, a list of items or an envelope", "[codec][heartbeat]") {
    CHECK(Decoded("\xa5"s + "alice").users() == Users{"alice"});
    CHECK(Decoded("\x92\xa1"s + "a" + "\xa1" + "b").users() == Users{"a", "b"});
    CHECK(Decoded("\x90").users().empty());
    CHECK(Decoded("\x90").rejects.total() == 0);

    MsgpackWriter writer;
    writer.map(5).text("beats").array(1).text("alice").text("edge").text("e1");
    writer.text("boot").number(7u).text("seq").number(9u).text("sent_ms").number(1234u);
    const Decoded envelope(writer.take());
    CHECK(envelope.users() == Users{"alice"});
    CHECK(envelope.beats.envelope.edge == "e1");
    CHECK(envelope.beats.envelope.boot == 7);
    CHECK(envelope.beats.envelope.seq == 9);
    CHECK(envelope.beats.envelope.sent_ms == 1234u);
}

TEST_CASE("an item tells session, status, ttl, age and bye", "[codec][heartbeat]") {
    MsgpackWriter writer;
    writer.map(7).text("user").text("alice").text("session").text("tab-1");
    writer.text("status").text("away").text("ttl_ms").number(5000u).text("age_ms").number(250u);
    writer.text("bye").boolean(true).text("colour").array(1).map(1).text("user").nil();
    const Decoded decoded(writer.take());
    REQUIRE(decoded.beats.beats.size() == 1);
    const auto& beat = decoded.beats.beats[0];
    CHECK(beat.user == "alice");
    CHECK(beat.session == "tab-1");
    CHECK(beat.status == "away");
    CHECK(beat.ttl_ms == 5000);
    CHECK(beat.age_ms == 250);
    CHECK(beat.bye);
    CHECK(decoded.rejects.total() == 0);
}

TEST_CASE("an integer is its decimal text, bin is a string", "[codec][heartbeat]") {
    MsgpackWriter writer;
    writer.array(5).number(42u).number(-7).number(UINT64_MAX).bin("raw").map(1);
    writer.text("user").number(INT64_MIN);
    CHECK(Decoded(writer.take()).users() ==
          Users{"42", "-7", "18446744073709551615", "raw", "-9223372036854775808"});
}

TEST_CASE("every broken rule is counted under its own reason", "[codec][heartbeat]") {
    check_rejected("", Reject("not_msgpack"));
    check_rejected("\xc1", Reject("not_msgpack"));
    check_rejected("\xa1x\xa1y", Reject("not_msgpack"));
    check_rejected("\x92\xa1x", Reject("not_msgpack"));
    check_rejected("\x91\xa1x\xa1y", Reject("not_msgpack"));
    check_rejected("\xdc\x00", Reject("not_msgpack"));
    check_rejected("\xd9", Reject("not_msgpack"));
    check_rejected("\xd9\x05xyz", Reject("not_msgpack"));
    check_rejected("\xdd\x0f\xff\xff\xff", Reject("not_msgpack"));
    check_rejected(std::string(kHeartbeatMessageBytesMax + 1, '\x01'), Reject("too_large"));
    check_rejected(std::string(10'000, '\x91'), Reject("too_deep"));
    check_rejected("\xca\x42\x28\x00\x00"s, Reject("wrong_type"));
    check_rejected("\xcb\x40\x45\x00\x00\x00\x00\x00\x00"s, Reject("wrong_type"));
    check_rejected("\xc0", Reject("wrong_type"));
    check_rejected("\xc3", Reject("wrong_type"));
    check_rejected("\xd4\x01x", Reject("wrong_type"));
    check_rejected("\x91\x92\x01\x02", Reject("wrong_type"));
    check_rejected("\x80", Reject("user_missing"));
    check_rejected("\xa0", Reject("user_empty"));
    check_rejected(item().text(std::string(kUserBytesMax + 1, 'x')).take(),
                   Reject("user_too_long"));
    check_rejected(item().text("a\nb").take(), Reject("user_control"));
    check_rejected(item().text("a\xff").take(), Reject("user_not_utf8"));
}

TEST_CASE("an envelope that does not say whose it is yields nothing", "[codec][heartbeat]") {
    const auto with = [](std::string_view key) {
        MsgpackWriter writer;
        writer.map(3).text("beats").array(1).text("alice").text("seq").number(1u).text(key);
        return writer;
    };
    check_rejected(with("edge").text("").take(), Reject("bad_edge"));
    check_rejected(with("edge").text(std::string(kNameBytesMax + 1, 'x')).take(),
                   Reject("bad_edge"));
    check_rejected(with("edge").number(1u).take(), Reject("bad_edge"));
    check_rejected(with("other").text("e1").take(), Reject("bad_edge"));
    MsgpackWriter writer;
    writer.map(2).text("edge").text("e1").text("beats").text("alice");
    check_rejected(writer.take(), Reject("wrong_type"));
}

TEST_CASE("bad items are left out and the rest is kept", "[codec][heartbeat]") {
    MsgpackWriter writer;
    writer.array(6).text("a").array(1).text("not me").text("").map(1).text("user").text("b");
    writer.map(0).text("c");
    const Decoded decoded(writer.take());
    CHECK(decoded.users() == Users{"a", "b", "c"});
    CHECK(decoded.rejects.total() == 3);
    CHECK(decoded.rejects["wrong_type"] == 1);
    CHECK(decoded.rejects["user_empty"] == 1);
    CHECK(decoded.rejects["user_missing"] == 1);
}

TEST_CASE("what is decoded again does not remember the message before", "[codec][heartbeat]") {
    Heartbeats beats;
    Rejects rejects;
    const auto first = encode_heartbeats({.edge = "e1", .boot = 1, .seq = 2, .sent_ms = 3},
                                         {{.user = "alice", .session = "s"}});
    decode_heartbeats(first, beats, rejects);
    CHECK(beats.envelope.edge == "e1");
    decode_heartbeats("\x01", beats, rejects);
    REQUIRE(beats.beats.size() == 1);
    CHECK(beats.beats[0].user == "1");
    CHECK(beats.beats[0].session.empty());
    CHECK(beats.envelope.edge.empty());
    CHECK_FALSE(beats.envelope.sent_ms);
}

namespace {

struct OwnedBeat {
    std::string user, session;
    std::optional<std::string> status;
    std::uint32_t ttl_ms;
    std::uint64_t age_ms;
    bool bye;

    [[nodiscard]] Heartbeat view() const { return {user, session, status, ttl_ms, age_ms, bye}; }
};

std::string any_text(std::size_t least, std::size_t most) {
    const auto size = *rc::gen::inRange(least, most + 1);
    return *rc::gen::container<std::string>(size, rc::gen::inRange<char>(' ', '\x7f'));
}

OwnedBeat any_beat() {
    const bool plain = *rc::gen::arbitrary<bool>();
    OwnedBeat beat{any_text(1, kUserBytesMax), "", std::nullopt, 0, 0, false};
    if (plain) return beat;
    beat.session = any_text(0, kNameBytesMax);
    if (*rc::gen::arbitrary<bool>()) beat.status = any_text(0, kNameBytesMax);
    if (*rc::gen::arbitrary<bool>()) beat.ttl_ms = *rc::gen::inRange(kTtlMinMs, kTtlMaxMs + 1);
    beat.age_ms = *rc::gen::arbitrary<std::uint64_t>();
    beat.bye = *rc::gen::arbitrary<bool>();
    return beat;
}

bool same(const Heartbeat& a, const Heartbeat& b) {
    return a.user == b.user && a.session == b.session && a.status == b.status &&
           a.ttl_ms == b.ttl_ms && a.age_ms == b.age_ms && a.bye == b.bye;
}

}  // namespace

TEST_CASE("what a client encodes is what a collector decodes", "[codec][heartbeat]") {
    rc::prop("round trip", [] {
        std::vector<OwnedBeat> owned(*rc::gen::inRange<std::size_t>(0, 20));
        for (auto& beat : owned)
            beat = any_beat();
        std::vector<Heartbeat> sent;
        for (const auto& beat : owned)
            sent.push_back(beat.view());
        Envelope envelope;
        if (*rc::gen::arbitrary<bool>())
            envelope = {.edge = "edge",
                        .boot = *rc::gen::arbitrary<std::uint64_t>(),
                        .seq = 4,
                        .sent_ms = 77};
        const Decoded decoded(encode_heartbeats(envelope, sent));
        RC_ASSERT(decoded.rejects.total() == 0u);
        RC_ASSERT(decoded.beats.envelope.edge == envelope.edge);
        RC_ASSERT(decoded.beats.envelope.boot == envelope.boot);
        RC_ASSERT(decoded.beats.envelope.sent_ms == envelope.sent_ms);
        RC_ASSERT(decoded.beats.beats.size() == sent.size());
        for (std::size_t i = 0; i < sent.size(); ++i)
            RC_ASSERT(same(decoded.beats.beats[i], sent[i]));
    });
}

namespace {

// The fields of an envelope, good and bad, one of them its beats; each with its key.
std::vector<std::string> any_envelope_fields() {
    const auto field = [](std::string_view key, auto&& value) {
        MsgpackWriter writer;
        writer.text(key);
        value(writer);
        return writer.take();
    };
    const auto sometimes = [](int of) { return *rc::gen::inRange(0, of) == 0; };
    std::vector<std::string> fields;
    const auto edge = sometimes(4) ? *rc::gen::element(
                                         "\xa5"
                                         "beats"s,
                                         "\xa5"
                                         "beats\x90"s,
                                         ""s, "\xff"s)
                                   : any_text(1, 40);
    if (!sometimes(8)) fields.push_back(field("edge", [&](auto& w) { w.text(edge); }));
    if (sometimes(2)) fields.push_back(field("boot", [](auto& w) { w.number(7u); }));
    if (sometimes(8)) fields.push_back(field("seq", [](auto& w) { w.boolean(true); }));
    if (sometimes(4))
        fields.push_back(field("later", [](auto& w) { w.map(1).text("beats").array(0); }));
    return fields;
}

std::string any_beats() {
    MsgpackWriter beats;
    const auto count = *rc::gen::inRange<std::size_t>(0, 20);
    if (*rc::gen::inRange(0, 8) == 0) return beats.text("beats").text("alice").take();
    beats.text("beats").array(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto kind = *rc::gen::inRange(0, 40);
        if (kind == 0) beats.number(7u);
        if (kind == 1) beats.text("a\n");
        if (kind == 2) beats.map(1).text("user").text("carol");
        if (kind > 2) beats.text(any_text(1, 20));
    }
    return beats.take();
}

std::string envelope_of(const std::vector<std::string>& fields) {
    MsgpackWriter writer;
    writer.map(fields.size());
    auto bytes = writer.take();
    for (const auto& field : fields)
        bytes += field;
    return bytes;
}

}  // namespace

TEST_CASE("an envelope is read the same wherever its beats stand", "[codec][heartbeat]") {
    rc::prop("beats first or last", [] {
        const auto others = any_envelope_fields();
        const auto beats = any_beats();
        auto last = others;
        last.push_back(beats);
        std::vector<std::string> first{beats};
        first.insert(first.end(), others.begin(), others.end());
        const Decoded left(envelope_of(last));
        const Decoded right(envelope_of(first));
        RC_ASSERT(left.users() == right.users());
        RC_ASSERT(left.beats.envelope.edge == right.beats.envelope.edge);
        RC_ASSERT(left.beats.envelope.boot == right.beats.envelope.boot);
        RC_ASSERT(left.rejects.total() == right.rejects.total());
        // Views are into the message, not into what is used again.
        if (!left.beats.envelope.edge.empty()) {
            const auto at = left.beats.envelope.edge.data() - left.bytes.data();
            RC_ASSERT(at > 0);
            RC_ASSERT(at < static_cast<std::ptrdiff_t>(left.bytes.size()));
        }
    });
    // The first of two lists is not the message's end.
    const Decoded twice(
        envelope_of({"\xa4"
                     "edge\xa2"
                     "e1",
                     "\xa5"
                     "beats\x91\xa1"
                     "a",
                     "\xa5"
                     "beats\x91\xa1"
                     "b"}));
    CHECK(twice.users() == Users{"b"});
    const Decoded open(envelope_of({"\xa4"
                                    "edge\xa2"
                                    "e1",
                                    "\xa5"
                                    "beats\x91\xa1"
                                    "a"}) +
                       "\xa1"
                       "b");
    CHECK(open.rejects["not_msgpack"] == 1);
}

TEST_CASE("a list of ids is read as if each were written out", "[codec][heartbeat]") {
    rc::prop("good and bad ids, of any msgpack length form", [] {
        MsgpackWriter plain;
        MsgpackWriter maps;
        const auto count = *rc::gen::inRange<std::size_t>(0, 40);
        plain.array(count);
        maps.array(count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto bad = *rc::gen::inRange(0, 30) == 0;
            const auto id = bad ? *rc::gen::element(""s, "a\n"s, "\xff"s, std::string(300, 'x'))
                                : any_text(1, kUserBytesMax);
            plain.text(id);
            maps.map(1).text("user").text(id);
        }
        const Decoded left(plain.take());
        const Decoded right(maps.take());
        RC_ASSERT(left.users() == right.users());
        std::vector<CounterValue> of_left, of_right;
        left.rejects.append_to(of_left);
        right.rejects.append_to(of_right);
        for (std::size_t i = 0; i < of_left.size(); ++i)
            RC_ASSERT(of_left[i].value == of_right[i].value);
    });
}

TEST_CASE("no bytes bring the decoder down", "[codec][heartbeat]") {
    rc::prop("random bytes", [](const std::string& bytes) { Decoded decoded(bytes); });
    rc::prop("mutated messages", [] {
        const auto beat = any_beat();
        auto bytes = encode_heartbeats({.edge = "e", .boot = 1, .seq = 2, .sent_ms = {}},
                                       {beat.view(), {.user = "bob"}, {.user = "carol"}});
        for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
            bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
        bytes.resize(*rc::gen::inRange<std::size_t>(bytes.size() / 2, bytes.size() + 1));
        const Decoded decoded(bytes);
        for (const auto& kept : decoded.beats.beats)
            RC_ASSERT(!kept.user.empty() && kept.user.size() <= kUserBytesMax);
    });
}
