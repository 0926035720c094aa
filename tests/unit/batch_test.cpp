#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "common/wire/batch.hpp"

using namespace presence;

namespace {

Event any_event(Slot slot, Epoch epoch, std::uint64_t seq) {
    Event e;
    e.user = *rc::gen::nonEmpty<std::string>();
    e.state = *rc::gen::element(State::online, State::offline);
    e.reason = *rc::gen::element<std::string>("heartbeat", "timeout", "of_the_future");
    e.at_ms = *rc::gen::arbitrary<std::int64_t>();
    if (*rc::gen::arbitrary<bool>()) e.since_ms = *rc::gen::arbitrary<std::int64_t>();
    if (*rc::gen::arbitrary<bool>()) e.last_seen_ms = *rc::gen::arbitrary<std::int64_t>();
    if (*rc::gen::arbitrary<bool>()) e.status = *rc::gen::arbitrary<std::string>();
    e.ttl_ms = *rc::gen::arbitrary<std::uint32_t>();
    e.freshness = *rc::gen::element(Freshness::live, Freshness::warming, Freshness::stale);
    e.slot = slot;
    e.epoch = epoch;
    e.seq = seq;
    return e;
}

Batch any_batch() {
    Batch b;
    b.tracker = *rc::gen::arbitrary<std::string>();
    b.boot = *rc::gen::arbitrary<std::uint64_t>();
    b.number = *rc::gen::arbitrary<std::uint64_t>();
    b.prev_boot = *rc::gen::arbitrary<std::uint64_t>();
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        SlotEvents s;
        s.slot = *rc::gen::inRange<Slot>(0, kSlots);
        s.epoch = *rc::gen::inRange<std::uint64_t>(0, kEpochEnd - 1024);
        s.first_seq = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
        for (int n = *rc::gen::inRange(0, 4); n > 0; --n)
            s.events.push_back(any_event(s.slot, s.epoch, s.first_seq + s.events.size()));
        b.slots.push_back(std::move(s));
    }
    return b;
}

bool same(const Batch& a, const Batch& b) {
    const auto same_slot = [](const SlotEvents& x, const SlotEvents& y) {
        return x.slot == y.slot && x.epoch == y.epoch && x.first_seq == y.first_seq &&
               x.events == y.events;
    };
    return a.tracker == b.tracker && a.boot == b.boot && a.number == b.number &&
           a.prev_boot == b.prev_boot &&
           std::equal(a.slots.begin(), a.slots.end(), b.slots.begin(), b.slots.end(), same_slot);
}

}  // namespace

TEST_CASE("a batch is read as it was written", "[codec][batch]") {
    rc::prop("round trip", [] {
        const Batch batch = any_batch();
        const auto read = decode_batch(encode_batch(batch));
        RC_ASSERT(read.has_value());
        RC_ASSERT(same(*read, batch));
    });
}

TEST_CASE("a tick is read as it was written", "[codec][batch]") {
    const auto read = decode_tick(encode_tick({"t1", 5, 6}));
    REQUIRE(read.has_value());
    CHECK(read->tracker == "t1");
    CHECK(read->boot == 5);
    CHECK(read->last_batch == 6);
    CHECK_FALSE(decode_batch(encode_tick({"t1", 5, 6})).has_value());
}

TEST_CASE("later versions may append fields, not change the number", "[codec][batch]") {
    std::string tick = encode_tick({"t1", 5, 6, Freshness::frozen});
    CHECK(decode_tick(tick)->freshness == Freshness::frozen);
    std::string longer = tick;
    longer[0] = '\x96';
    longer += '\x2a';
    CHECK(decode_tick(longer).has_value());
    tick[1] = '\x02';
    CHECK_FALSE(decode_tick(tick).has_value());
}

TEST_CASE("what is no batch is refused, whatever it is", "[codec][batch]") {
    CHECK_FALSE(decode_batch("").has_value());
    CHECK_FALSE(decode_batch("\xdd\x0f\xff\xff\xff").has_value());
    CHECK_FALSE(decode_batch(std::string(10'000, '\x91')).has_value());
    rc::prop("cut or changed, it does no harm", [] {
        std::string bytes = encode_batch(any_batch());
        const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
        RC_ASSERT(!decode_batch(std::string_view(bytes).substr(0, at)).has_value());
        bytes[at] = *rc::gen::arbitrary<char>();
        const auto read = decode_batch(bytes);
        if (!read) return;
        for (const auto& slot : read->slots)
            RC_ASSERT(slot.slot < kSlots);
    });
}

TEST_CASE("a batch with an epoch after which no other can come is refused", "[codec][batch]") {
    Batch batch;
    batch.slots.push_back({3, kEpochEnd - 1025, 1, {}});
    CHECK(decode_batch(encode_batch(batch)).has_value());
    CHECK(make_epoch(0, "t1", kEpochEnd - 1025) > kEpochEnd - 1025);
    for (const Epoch epoch : {kEpochEnd - 1024, kEpochEnd, ~Epoch{0}}) {
        batch.slots[0].epoch = epoch;
        CHECK_FALSE(decode_batch(encode_batch(batch)).has_value());
    }
}

TEST_CASE("a user's topic ends in NUL, so that no longer id matches", "[codec][batch]") {
    CHECK(topic_of_user("al") == std::string("user/al\0", 8));
}
