#include <rapidcheck.h>

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "notifier/sinks/webhook/message.hpp"

using namespace presence;
using notifier::utc_text;
using notifier::webhook_messages;

namespace {

Event event(std::uint64_t seq, std::int64_t at_ms = 1'700'000'000'000) {
    Event e;
    e.user = "user" + std::to_string(seq);
    e.reason = "heartbeat";
    e.at_ms = at_ms;
    e.slot = 7;
    e.epoch = 12;
    e.seq = seq;
    return e;
}

std::vector<Event> events(std::uint64_t first, std::uint64_t last) {
    std::vector<Event> out;
    for (auto seq = first; seq <= last; ++seq)
        out.push_back(event(seq));
    return out;
}

constexpr std::size_t kMany = 1'000'000;

std::string id_of_one(const std::vector<Event>& chunk) {
    const auto messages = webhook_messages(chunk, kMany, kMany);
    REQUIRE(messages.size() == 1);
    return messages[0].id;
}

}  // namespace

TEST_CASE("a message has the form that Standard Webhooks recommends", "[notifier][webhook]") {
    const std::vector<Event> chunk{event(1, 1'700'000'000'123), event(2, 1'700'000'000'001)};
    const auto messages = webhook_messages(chunk, kMany, kMany);
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].body ==
          R"({"type":"presence.transitions","timestamp":"2023-11-14T22:13:20.123Z","data":[)" +
              to_json(chunk[0]) + "," + to_json(chunk[1]) + "]}");
}

TEST_CASE("the same events make the same message, others another id", "[notifier][webhook]") {
    const auto id = id_of_one(events(1, 3));
    // Of SHA-256 of "7.12.1\n7.12.2\n7.12.3\n": later versions must make it, too.
    CHECK(id == "msg_56953e022cbf03593967cb45a0d6584d");
    CHECK(id.find('.') == std::string::npos);
    CHECK(id == id_of_one(events(1, 3)));
    auto swapped = events(1, 3);
    std::swap(swapped[0], swapped[1]);
    auto reconciled = events(1, 3);
    reconciled[2].reconciled = true;
    const std::set<std::string> ids{id,
                                    id_of_one(events(1, 2)),
                                    id_of_one(events(2, 3)),
                                    id_of_one(events(1, 4)),
                                    id_of_one(swapped),
                                    id_of_one(reconciled)};
    CHECK(ids.size() == 6);
    CHECK(webhook_messages({}, kMany, kMany).empty());
}

TEST_CASE("a chunk is cut by events and by bytes, and nothing is lost or moved",
          "[notifier][webhook]") {
    rc::prop("cut", [] {
        std::vector<Event> chunk;
        const auto sizes =
            *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 60));
        for (const auto size : sizes) {
            chunk.push_back(event(chunk.size() + 1));
            chunk.back().user = std::string(size, 'x');
        }
        const auto events_max = *rc::gen::inRange<std::size_t>(1, 10);
        const auto bytes_max = *rc::gen::inRange<std::size_t>(1, 1'000);
        std::string all;
        std::set<std::string> ids;
        for (const auto& message : webhook_messages(chunk, events_max, bytes_max)) {
            ids.insert(message.id);
            const auto data = nlohmann::ordered_json::parse(message.body)["data"];
            RC_ASSERT(data.size() >= 1 && data.size() <= events_max);
            std::string joined;
            for (const auto& one : data)
                joined += one.dump() + "\n";
            RC_ASSERT(data.size() == 1 || joined.size() - 1 <= bytes_max);
            all += joined;
        }
        std::string expected;
        for (const auto& one : chunk)
            expected += to_json(one) + "\n";
        RC_ASSERT(all == expected);
        RC_ASSERT(ids.size() == webhook_messages(chunk, events_max, bytes_max).size());
    });
}

TEST_CASE("times are written in UTC", "[notifier][webhook]") {
    CHECK(utc_text(0) == "1970-01-01T00:00:00.000Z");
    CHECK(utc_text(1'709'164'799'999) == "2024-02-28T23:59:59.999Z");
    CHECK(utc_text(1'709'164'800'000) == "2024-02-29T00:00:00.000Z");
    CHECK(utc_text(-1) == "1969-12-31T23:59:59.999Z");
}
