#include <catch2/catch.hpp>

#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

std::vector<std::uint64_t> numbers(const std::vector<SentFrame>& frames) {
    std::vector<std::uint64_t> numbers;
    for (const auto& frame : frames)
        numbers.push_back(frame.header.number);
    return numbers;
}

using Numbers = std::vector<std::uint64_t>;

// Rows of some hundred bytes, as many as fit a message.
std::string large_message(int n) {
    const std::string name(kNameBytesMax, 'n');
    std::vector<std::string> users;
    for (int i = 0; i < 200; ++i) {
        users.push_back(std::to_string(n) + "-" + std::to_string(i) + "-");
        users.back().resize(kUserBytesMax, 'u');
    }
    std::vector<Heartbeat> beats;
    for (const auto& user : users)
        beats.push_back({.user = user, .session = name, .status = name});
    return encode_heartbeats({}, beats);
}

}  // namespace

TEST_CASE("frames are numbered without gaps, and tell the lowest not acknowledged",
          "[collector][resend]") {
    Bench bench;
    CHECK(numbers(bench.turns(50ms)) == Numbers{1, 2, 3});
    bench.tell(bench.ack(2));
    const auto frames = bench.turns(20ms);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].header.number == 4);
    CHECK(frames[0].header.base == 3);
}

TEST_CASE("a frame tells whose it is, and when it was sent", "[collector][resend]") {
    RouterOptions options;
    options.cluster = "east";
    options.collector = "c7";
    options.boot = 9;
    Bench bench(options);
    const auto frames = bench.turn();
    REQUIRE(frames.size() == 1);
    CHECK(micros(frames[0].header.sent) == micros(bench.now));
    CHECK(frames[0].header.cluster == "east");
    CHECK(frames[0].header.collector == "c7");
    CHECK(frames[0].header.boot == 9);
}

TEST_CASE("a gap leads to a resend of all that is not acknowledged, once", "[collector][resend]") {
    Bench bench;
    bench.turn({beat("a")});
    bench.turns(9ms);
    bench.turn({beat("b")});
    bench.turns(39ms);
    bench.tell(bench.ack(1, true));
    auto frames = bench.turn();
    CHECK(numbers(frames) == Numbers{2, 3, 4});
    CHECK(users_of(frames) == std::vector<std::string>{"b"});
    CHECK(bench.router.counters()["frames_resent"] == 2);
    // Frames that were under way tell of the same gap again.
    bench.tell(bench.ack(1, true));
    CHECK(numbers(bench.turns(9ms)) == Numbers{});
    // Lost once more: after a pause the gap is believed to be a new one.
    bench.now += 200ms;
    bench.tell(bench.ack(1, true));
    frames = bench.turn();
    CHECK(numbers(frames) == Numbers{2, 3, 4, 5});
}

TEST_CASE("without progress for a second the base frame is sent as a probe, and nothing else",
          "[collector][resend]") {
    Bench bench;
    bench.turn({beat("a")});
    CHECK(bench.turns(990ms).size() == 49);
    const auto probes = bench.turns(3s);
    CHECK(numbers(probes) == Numbers{1, 1, 1});
    CHECK(users_of(probes) == std::vector<std::string>{"a", "a", "a"});
    for (const auto& probe : probes)
        CHECK(probe.header.base == 1);

    bench.turn({beat("b")});
    bench.tell(bench.ack(1));
    const auto rest = bench.turns(20ms);
    REQUIRE(rest.size() >= 50);
    CHECK(rest.front().header.number == 2);
    CHECK(users_of(rest) == std::vector<std::string>{"b"});
}

TEST_CASE("a tracker that is slow but goes on is sent no probes", "[collector][resend]") {
    Bench bench;
    std::uint64_t last = 0;
    for (std::uint64_t applied = 1; applied < 6; ++applied) {
        for (const auto number : numbers(bench.turns(900ms)))
            CHECK(number == ++last);
        bench.tell(bench.ack(applied));
    }
    CHECK(bench.router.counters()["frames_resent"] == 0);
}

TEST_CASE("a gap that is told while probes go out ends them", "[collector][resend]") {
    Bench bench;
    const auto sent = numbers(bench.turns(900ms));
    REQUIRE(numbers(bench.turns(200ms)).back() == 1);
    bench.tell(bench.ack(0, true));
    auto again = numbers(bench.turn());
    REQUIRE(again.size() >= sent.size());
    again.resize(sent.size());
    CHECK(again == sent);
}

TEST_CASE("rows that wait for a tracker share a frame", "[collector][resend]") {
    Bench bench;
    bench.turns(2s);
    for (int i = 0; i < 100; ++i)
        bench.turn({beat("u" + std::to_string(i))});
    const auto before = bench.router.counters()["frames_sent"];
    bench.tell(bench.ack(50));
    const auto frames = bench.turns(20ms);
    CHECK(users_of(frames).size() == 100);
    CHECK(bench.router.counters()["frames_sent"] - before <= 3);
}

TEST_CASE("only a window of frames is under way at once", "[collector][resend]") {
    RouterOptions options;
    options.flush_interval = 1ms;
    Bench bench(options);
    const auto frames = bench.turns(900ms);
    CHECK(frames.size() == 256);
    bench.tell(bench.ack(10));
    CHECK(bench.turns(20ms).size() == 10);
}

TEST_CASE("only a window of bytes is under way at once, whatever was under way before",
          "[collector][resend]") {
    Bench bench;
    std::vector<std::string> messages;
    for (int n = 0; n < 200; ++n)
        messages.push_back(large_message(n));
    const auto window = bench.turn(messages).size();
    CHECK(window > 100);
    CHECK(window < 130);  // of 64 KiB each
    bench.tell(bench.ack(30));
    CHECK(bench.turn().size() == Approx(30).margin(1));
    bench.tell(bench.ack(30, true));
    CHECK(bench.turn().size() == Approx(window).margin(1));
}

TEST_CASE("acknowledgements that are not ours are refused and counted", "[collector][resend]") {
    Bench bench;
    bench.turns(50ms);
    const auto refused = [&](auto change) {
        auto ack = bench.ack(3);
        change(ack);
        bench.tell(ack);
        return bench.router.counters()["refused_acks"];
    };
    CHECK(refused([](Ack& a) { a.cluster = "other"; }) == 1);
    CHECK(refused([](Ack& a) { a.tracker = "t9"; }) == 2);
    CHECK(refused([](Ack& a) { a.collector_boot = 99; }) == 3);
    CHECK(refused([](Ack& a) { a.tracker_boot = 0; }) == 4);
    bench.router.on_ack(0, "\xc1", bench.now);
    bench.router.on_ack(7, encode_ack(bench.ack(1)), bench.now);
    CHECK_FALSE(bench.router.on_ack(1, encode_ack(bench.ack(1)), bench.now));
    CHECK(bench.router.counters()["refused_acks"] == 7);
    CHECK_FALSE(bench.router.all_acknowledged());
    bench.tell(bench.ack(3));
    CHECK(bench.router.all_acknowledged());
}

TEST_CASE("a tracker that applied what was never sent is sent all of it as another run",
          "[collector][resend]") {
    Bench bench;
    bench.turn({beat("alice")});
    CHECK(bench.turns(100ms).back().header.boot == 1);
    bench.tell(bench.ack(1'000));
    CHECK(bench.router.counters()["refused_acks"] == 1);
    CHECK(bench.router.counters()["begun_anew"] == 1);
    const auto frames = bench.turns(100ms);
    REQUIRE_FALSE(frames.empty());
    CHECK(users_of(frames) == std::vector<std::string>{"alice"});
    CHECK(frames[0].header.boot == 2);
    CHECK(frames[0].header.number == 1);
    CHECK(frames[0].header.base == 1);
    CHECK(frames[0].header.dropped == 1);
    bench.tell(bench.ack(1'000));  // of the run before
    CHECK(bench.router.counters()["begun_anew"] == 1);
    auto ack = bench.ack(frames.size());
    ack.collector_boot = 2;
    bench.tell(ack);
    CHECK(bench.router.all_acknowledged());
}

TEST_CASE("an acknowledgement's stamp is echoed once, with the time we had it",
          "[collector][resend]") {
    Bench bench;
    CHECK_FALSE(bench.turns(10ms).at(0).header.echo);
    auto ack = bench.ack(1);
    ack.tracker_boot = 5;
    ack.sent_us = 1234;
    bench.tell(ack);
    const Instant received = bench.now;
    const auto frames = bench.turns(40ms);
    REQUIRE(frames.size() == 2);
    REQUIRE(frames[0].header.echo);
    CHECK(frames[0].header.echo->tracker_boot == 5);
    CHECK(frames[0].header.echo->acked_us == 1234);
    CHECK(micros(frames[0].header.echo->received) == micros(received));
    CHECK_FALSE(frames[1].header.echo);
}

TEST_CASE("goodbye is the last frame, and carries all that was read", "[collector][resend]") {
    Bench bench;
    bench.turns(22ms);
    bench.turn({beat("a")});
    const auto frames = bench.goodbye();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].header.goodbye);
    CHECK(users_of(frames) == std::vector<std::string>{"a"});
    CHECK_FALSE(bench.router.all_acknowledged());
    CHECK(bench.turns(900ms).empty());
    bench.turns(200ms);
    bench.tell(bench.ack(2));
    const auto again = bench.turns(20ms);
    REQUIRE(again.size() == 1);
    CHECK(again[0].header.goodbye);
    bench.tell(bench.ack(3));
    CHECK(bench.router.all_acknowledged());
    CHECK(bench.turns(2s).empty());
}
