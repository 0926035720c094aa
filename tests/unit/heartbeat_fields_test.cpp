// What a wrong field of an item, or of an envelope, costs.
#include <catch2/catch.hpp>

#include "common/limits.hpp"
#include "common/text.hpp"
#include "common/wire/msgpack_writer.hpp"
#include "decoded.hpp"

using namespace presence;
using testing::Decoded;

namespace {

using Users = std::vector<std::string>;

MsgpackWriter alice_with(std::string_view key, unsigned more = 0) {
    MsgpackWriter writer;
    writer.map(2 + more).text("user").text("alice").text(key);
    return writer;
}

// The one item in `message` counts, as read, and the reason is counted once, with her name.
Heartbeat check_kept(const std::string& message, Reject reason) {
    const Decoded decoded(message);
    INFO(reason.name());
    CHECK(decoded.rejects.total() == 1);
    CHECK(decoded.rejects[reason] == 1);
    REQUIRE(decoded.beats.wrong);
    CHECK(decoded.beats.wrong->user == "alice");
    CHECK(decoded.beats.wrong->field == reason);
    REQUIRE(decoded.beats.beats.size() == 1);
    auto beat = decoded.beats.beats[0];
    CHECK(beat.user == "alice");
    beat.user = beat.session = {};  // they were views
    return beat;
}

std::string session_in(const std::string& message) {
    return std::string(Decoded(message).beats.beats.at(0).session);
}

const std::string kLongName(kNameBytesMax + 1, 'x');

}  // namespace

TEST_CASE("a wrong field costs itself, not the heartbeat", "[codec][heartbeat]") {
    CHECK_FALSE(
        check_kept(alice_with("status").text(kLongName).take(), Reject("bad_status")).status);
    CHECK_FALSE(check_kept(alice_with("status").text("5\n").take(), Reject("bad_status")).status);
    CHECK_FALSE(check_kept(alice_with("status").nil().take(), Reject("bad_status")).status);
    CHECK(check_kept(alice_with("ttl_ms").text("5000").take(), Reject("bad_ttl")).ttl_ms == 0);
    CHECK(check_kept(alice_with("ttl_ms").number(kTtlMinMs - 1).take(), Reject("bad_ttl")).ttl_ms ==
          0);
    CHECK(check_kept(alice_with("ttl_ms").number(kTtlMaxMs + 1).take(), Reject("bad_ttl")).ttl_ms ==
          kTtlMaxMs);
    CHECK(check_kept(alice_with("ttl_ms").number(UINT64_MAX).take(), Reject("bad_ttl")).ttl_ms ==
          kTtlMaxMs);
    CHECK(check_kept(alice_with("age_ms").number(-1).take(), Reject("bad_age")).age_ms == 0);
    CHECK_FALSE(check_kept(alice_with("bye").number(1u).take(), Reject("bad_bye")).bye);
    for (const auto& wrong :
         {alice_with("linger_ms").number(kLingerMaxMs + 1).take(),
          alice_with("linger_ms").number(-1).take(), alice_with("linger_ms").text("5s").take()})
        CHECK_FALSE(check_kept(wrong, Reject("bad_linger")).linger_ms);
    check_kept(alice_with("session").nil().take(), Reject("bad_session"));
    check_kept(alice_with("session").text("").take(), Reject("bad_session"));

    CHECK(Decoded(alice_with("status").text("").take()).beats.beats.at(0).status == "");
    CHECK_FALSE(Decoded(alice_with("bye").boolean(false).take()).beats.beats.at(0).bye);
    CHECK(Decoded(alice_with("ttl_ms").number(kTtlMaxMs).take()).beats.beats.at(0).ttl_ms ==
          kTtlMaxMs);
}

TEST_CASE("a user who is wrong costs the item, whatever else is", "[codec][heartbeat]") {
    CHECK(Decoded(alice_with("user").nil().take()).rejects["wrong_type"] == 1);
    CHECK(Decoded(alice_with("user").nil().take()).users().empty());
    MsgpackWriter both;
    both.map(2).text("status").text(kLongName).text("user").text("");
    const Decoded decoded(both.take());
    CHECK(decoded.users().empty());
    CHECK(decoded.rejects["user_empty"] == 1);
    CHECK_FALSE(decoded.beats.wrong);
}

TEST_CASE("a session whose name breaks the rules has a name of our own", "[codec][heartbeat]") {
    const auto name = session_in(alice_with("session").text(kLongName).take());
    CHECK(check_text(name, kNameBytesMax) == TextFault::none);
    CHECK(name == session_in(alice_with("session").text(kLongName).take()));
    CHECK(name != session_in(alice_with("session").text(kLongName + "y").take()));
    CHECK(session_in(alice_with("session").text("").take()).empty());
    CHECK(session_in(alice_with("session").number(7u).take()) == "7");
    CHECK(Decoded(alice_with("session").number(7u).take()).rejects.total() == 0);
}

TEST_CASE("a bye counts only if it surely says whose end it is, and when", "[codec][heartbeat]") {
    const auto bye = [](auto&& write) {
        auto writer = alice_with("bye", 1);
        writer.boolean(true);
        write(writer);
        const Decoded decoded(writer.take());
        CHECK(decoded.rejects.total() == 1);
        return decoded.beats.beats.size();
    };
    CHECK(bye([](auto& w) { w.text("session").nil(); }) == 0);
    CHECK(bye([](auto& w) { w.text("session").text(""); }) == 0);
    CHECK(bye([](auto& w) { w.text("age_ms").number(-1); }) == 0);
    CHECK(bye([](auto& w) { w.text("session").text(kLongName); }) == 1);
    CHECK(bye([](auto& w) { w.text("status").text(kLongName); }) == 1);
    CHECK(bye([](auto& w) { w.text("ttl_ms").number(5u); }) == 1);
}

TEST_CASE("a wrong field of an envelope costs the estimate of its way", "[codec][heartbeat]") {
    for (const std::string_view wrong : {"boot", "seq", "sent_ms"}) {
        MsgpackWriter writer;
        writer.map(5).text("edge").text("e1");
        for (const std::string_view key : {"boot", "seq", "sent_ms"}) {
            writer.text(key);
            key == wrong ? writer.text("7") : writer.number(7u);
        }
        writer.text("beats").array(1).text("alice");
        const Decoded decoded(writer.take());
        CHECK(decoded.users() == Users{"alice"});
        CHECK(decoded.beats.envelope.edge == "e1");
        CHECK_FALSE(decoded.beats.envelope.sent_ms);
        CHECK(decoded.rejects.total() == 1);
        CHECK(decoded.rejects["bad_envelope"] == 1);
    }
}
