#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/user_event.hpp"
#include "common/wire/event.hpp"

using namespace presence;
using namespace std::string_literals;

namespace {

Event alice() {
    Event e;
    e.user = "alice";
    e.state = State::offline;
    e.reason = "timeout";
    e.at_ms = 1'700'000'030'000;
    e.since_ms = 1'700'000'000'000;
    e.last_seen_ms = 1'700'000'000'500;
    e.status = "away";
    e.slot = 7;
    e.epoch = 99;
    e.seq = 3;
    return e;
}

}  // namespace

TEST_CASE("an event is one line of JSON", "[event][json]") {
    CHECK(to_json(alice()) ==
          R"({"id":"7.99.3","user":"alice","state":"offline","reason":"timeout",)"
          R"("at_ms":1700000030000,"since_ms":1700000000000,"last_seen_ms":1700000000500,)"
          R"("status":"away","freshness":"live","slot":7,"epoch":99,"seq":3})");
    Event bare;
    bare.user = "a\"\n\\";
    bare.reason = "heartbeat";
    CHECK(to_json(bare) ==
          R"({"id":"0.0.0","user":"a\"\n\\","state":"online","reason":"heartbeat","at_ms":0,)"
          R"("freshness":"live","slot":0,"epoch":0,"seq":0})");
}

TEST_CASE("whatever an event holds, its JSON says the same", "[event][json]") {
    rc::prop("as a JSON parser reads it", [] {
        Event e;
        const auto text = rc::gen::container<std::string>(
            rc::gen::element('a', 'Z', '0', ' ', '"', '\\', '/', '\n', '\x01', '\x7f', '~'));
        e.user = "u" + *text;
        e.reason = *text;
        e.at_ms = *rc::gen::arbitrary<std::int64_t>();
        if (*rc::gen::arbitrary<bool>()) e.since_ms = 7;
        e.seq = *rc::gen::arbitrary<std::uint64_t>();
        e.status = *text + "\xc3\xa9";
        const auto json = nlohmann::json::parse(to_json(e));
        RC_ASSERT(json.at("user") == e.user);
        RC_ASSERT(json.at("reason") == e.reason);
        RC_ASSERT(json.at("status") == *e.status);
        RC_ASSERT(json.at("at_ms") == e.at_ms);
        RC_ASSERT(json.at("seq") == e.seq);
        RC_ASSERT(json.contains("since_ms") == e.since_ms.has_value());
    });
}

TEST_CASE("bytes that are no UTF-8 do not end the process that prints them", "[event][json]") {
    Event event = alice();
    event.user = "\xff\xfe";
    CHECK_THAT(to_json(event), Catch::Contains("\xef\xbf\xbd"));
}

TEST_CASE("a reconciled difference has an id of its own", "[event]") {
    Event event = alice();
    CHECK(id_of(event) == "7.99.3");
    event.reconciled = true;
    const std::string id = id_of(event);
    CHECK(id.starts_with("7.99.3.r"));
    CHECK(id.size() == std::string("7.99.3.r").size() + 16);
    event.user = "bob";
    CHECK(id_of(event) != id);
}

TEST_CASE("names and values of states and freshness correspond", "[event]") {
    for (const auto state : {State::offline, State::online})
        CHECK(state_named(name_of(state)) == state);
    for (const auto f : {Freshness::live, Freshness::warming, Freshness::frozen, Freshness::stale})
        CHECK(freshness_named(name_of(f)) == f);
    CHECK_FALSE(state_named("Online").has_value());
    CHECK(name_of(Reason::edge_lost) == "edge_lost");
    CHECK(name_of(Reason::reconcile) == "reconcile");
}

TEST_CASE("a subscriber reads the event that was published", "[event][cli]") {
    CHECK(cli::read_user_event(to_msgpack(alice())) == [] {
        Event e = alice();
        e.ttl_ms = 0;  // not part of the event object
        return e;
    }());
    Event bare;
    bare.user = "b";
    bare.reason = "a reason of the future";
    CHECK(cli::read_user_event(to_msgpack(bare)) == bare);
}

TEST_CASE("numbers that no event has are refused, and none is cut to fit", "[event][cli]") {
    const auto slot_of_event = [](const std::string& number) {
        return cli::read_user_event(
            "\x83\xa4user\xa1"
            "b\xa5state\xa6online\xa4slot" +
            number);
    };
    const auto last = slot_of_event("\xcd\x03\xff");
    REQUIRE(last);
    CHECK(last->slot == kSlots - 1);
    CHECK_FALSE(slot_of_event("\xcd\x04\x00"s));
    CHECK_FALSE(slot_of_event("\xce\x00\x01\x00\x07"s));  // 65,543: its last 16 bits are 7
    CHECK_FALSE(slot_of_event("\xff"));
    Event event = alice();
    event.epoch = kEpochEnd;
    CHECK_FALSE(cli::read_user_event(to_msgpack(event)));
}

TEST_CASE("whatever a publisher sends, reading it ends", "[event][cli]") {
    CHECK_FALSE(cli::read_user_event("").has_value());
    CHECK_FALSE(cli::read_user_event("\xdd\x0f\xff\xff\xff").has_value());
    CHECK_FALSE(cli::read_user_event("\x80").has_value());
    const std::string good = to_msgpack(alice());
    for (std::size_t n = 0; n < good.size(); ++n)
        CHECK_FALSE(cli::read_user_event(good.substr(0, n)).has_value());
    rc::prop("one byte changed", [&good] {
        std::string bytes = good;
        bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
        (void)cli::read_user_event(bytes);
    });
}
