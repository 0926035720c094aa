// Lists of trackers and epochs, as frames and acknowledgements tell them.
#include <catch2/catch.hpp>

#include "common/wire/frame.hpp"
#include "common/wire/tracker_list.hpp"

using namespace presence;

namespace {

PeerInstant peer(std::int64_t us) {
    return PeerInstant{Duration{us}};
}

}  // namespace

TEST_CASE("frames and acknowledgements name a list of trackers and the highest epoch",
          "[frame][lists]") {
    FrameHeader plain;
    plain.cluster = "main";
    plain.collector = "c1";
    plain.sent = peer(10);
    auto sent = plain;
    sent.list_hash = 0xfedc'ba98'7654'3210;
    sent.epoch = kEpochEnd - 1025;
    const auto list = encode_list(SlotMap::rendezvous(2, {"t1", "t-2"}));
    std::string leases;
    append_lease(leases, {"gw-1", peer(1)});
    Frame frame;
    for (const auto& beside : {std::string(), leases})
        for (const auto& ids : {std::string(), list}) {
            const auto bytes = encode_frame(sent, "", beside, "", ids);
            REQUIRE(decode_frame(bytes, frame) == FrameFault::none);
            CHECK(frame.header.list() == sent.list());
            CHECK(frame.header.epoch == sent.epoch);
            CHECK(frame.list == ids);
            CHECK(frame.leases.size() == (beside.empty() ? 0u : 1u));
        }
    REQUIRE(decode_frame(encode_frame(plain, ""), frame) == FrameFault::none);
    CHECK(frame.header.list_hash == 0);  // of an older release
    CHECK(frame.header.epoch == 0);
    CHECK(frame.list.empty());
    CHECK(decode_frame(encode_frame(sent, "", "", "", "\3t1"), frame) == FrameFault::list);
    sent.epoch = kEpochEnd - 1024;
    CHECK(decode_frame(encode_frame(sent, ""), frame) == FrameFault::wrong_type);

    Ack ack;
    ack.cluster = "main";
    ack.tracker = "t1";
    ack.map_version = 3;
    ack.list_hash = 5;
    ack.epoch = 7 << 10;
    ack.sightings.push_back({"c2", peer(9)});
    const auto back = decode_ack(encode_ack(ack));
    REQUIRE(back);
    CHECK(back->list() == ack.list());
    CHECK(back->epoch == ack.epoch);
    CHECK(back->sightings.size() == 1);
    ack.epoch = kEpochEnd;
    CHECK_FALSE(decode_ack(encode_ack(ack)));
}

TEST_CASE("a frame says when a tracker is missed, and no older reader minds", "[frame]") {
    FrameHeader header;
    header.cluster = "main";
    header.collector = "c1";
    header.sent = peer(10);
    const auto without = encode_frame(header, "");
    header.misses_tracker = true;
    const auto with = encode_frame(header, "");
    CHECK(with.size() > without.size());
    Frame frame;
    REQUIRE(decode_frame(with, frame) == FrameFault::none);
    CHECK(frame.header.misses_tracker);
    REQUIRE(decode_frame(without, frame) == FrameFault::none);
    CHECK_FALSE(frame.header.misses_tracker);
}
