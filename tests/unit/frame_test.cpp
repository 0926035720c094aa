#include "common/wire/frame.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "common/limits.hpp"
#include "common/wire/msgpack_writer.hpp"

using namespace presence;
using namespace std::string_literals;

namespace {

PeerInstant peer(std::int64_t us) {
    return PeerInstant{Duration{us}};
}

FrameHeader header() {
    FrameHeader h;
    h.cluster = "main";
    h.collector = "c1";
    h.boot = 1'700'000'000'000'000;
    h.number = 12;
    h.base = 3;
    h.map_version = 2;
    h.sent = peer(5'000'000);
    h.watermark = peer(4'990'000);
    h.echo = FrameHeader::Echo{.tracker_boot = 9, .acked_us = -17, .received = peer(4'000'000)};
    h.dropped = 4;
    h.goodbye = true;
    return h;
}

bool same(const Row& a, const Row& b) {
    return a.hash == b.hash && a.user == b.user && a.session == b.session && a.edge == b.edge &&
           a.status == b.status && a.ttl_ms == b.ttl_ms && a.age_ms == b.age_ms && a.bye == b.bye;
}

struct OwnedRow {
    std::string user, session, edge;
    std::optional<std::string> status;
    Row row;

    [[nodiscard]] Row view() const {
        Row view = row;
        view.user = user;
        view.session = session;
        view.edge = edge;
        view.status = status;
        return view;
    }
};

OwnedRow any_row() {
    const auto bytes = [](std::size_t least, std::size_t most) {
        const auto size = *rc::gen::inRange(least, most + 1);
        return *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
    };
    OwnedRow row;
    row.user = bytes(1, kUserBytesMax);
    row.row.hash = *rc::gen::arbitrary<std::uint64_t>();
    if (*rc::gen::arbitrary<bool>()) row.session = bytes(0, kNameBytesMax);
    row.edge = *rc::gen::element(""s, "e1"s, "e2"s, std::string(kNameBytesMax, 'e'));
    if (*rc::gen::arbitrary<bool>()) row.status = bytes(0, kNameBytesMax);
    if (*rc::gen::arbitrary<bool>()) row.row.ttl_ms = *rc::gen::inRange(kTtlMinMs, kTtlMaxMs + 1);
    if (*rc::gen::arbitrary<bool>()) row.row.age_ms = *rc::gen::arbitrary<std::uint32_t>();
    row.row.bye = *rc::gen::arbitrary<bool>();
    return row;
}

std::string frame_of(const std::vector<std::vector<OwnedRow>>& groups) {
    RowGroups rows;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        for (const auto& row : groups[g])
            rows.append(row.view());
        rows.close_group(peer(static_cast<std::int64_t>(g) * 1000));
    }
    return encode_frame(header(), rows.take());
}

std::vector<std::vector<OwnedRow>> any_groups() {
    std::vector<std::vector<OwnedRow>> groups(*rc::gen::inRange<std::size_t>(0, 5));
    for (auto& group : groups) {
        group.resize(*rc::gen::inRange<std::size_t>(1, 10));
        for (auto& row : group)
            row = any_row();
    }
    return groups;
}

FrameFault fault_of(std::string_view bytes) {
    Frame frame;
    const auto fault = decode_frame(bytes, frame);
    CHECK(frame.row_groups.empty());
    return fault;
}

std::string frame_with_rows(std::string_view rows) {
    return encode_frame(header(), rows);
}

}  // namespace

TEST_CASE("leases stand beside the rows, or are not there", "[codec][frame]") {
    Frame frame;
    std::string leases;
    append_lease(leases, {"gw-1", peer(17)});
    const std::string longest(kNameBytesMax, 'e');
    append_lease(leases, {longest, peer(-5)});
    const auto bytes = encode_frame(header(), "", leases);
    REQUIRE(decode_frame(bytes, frame) == FrameFault::none);
    REQUIRE(frame.leases.size() == 2);
    CHECK(frame.leases[0].edge == "gw-1");
    CHECK(frame.leases[0].read == peer(17));
    CHECK(frame.leases[1].read == peer(-5));
    REQUIRE(decode_frame(encode_frame(header(), ""), frame) == FrameFault::none);
    CHECK(frame.leases.empty());
}

TEST_CASE("sightings stand beside leases, or none", "[codec][frame]") {
    Frame frame;
    std::string leases;
    std::string sightings;
    append_lease(leases, {"gw-1", peer(17)});
    append_sighting(sightings, "c2", peer(18));
    for (const bool both : {true, false}) {
        const auto bytes = encode_frame(header(), "", both ? leases : "", sightings);
        REQUIRE(decode_frame(bytes, frame) == FrameFault::none);
        CHECK(frame.leases.size() == (both ? 1 : 0));
        REQUIRE(frame.sightings.size() == 1);
        CHECK(frame.sightings[0].collector == "c2");
        CHECK(frame.sightings[0].seen == peer(18));
    }
    CHECK(decode_frame(encode_frame(header(), "", leases, "\2c2"), frame) == FrameFault::sightings);
    CHECK(frame.leases.empty());
    CHECK(frame.sightings.empty());
}

TEST_CASE("leases that are malformed are refused with their frame", "[codec][frame]") {
    const std::string eight(8, '\0');
    for (const auto& leases :
         {std::string("\0", 1) + eight, "\4gw-1" + eight.substr(1),
          "\x41" + std::string(65, 'e') + eight, "\1e" + std::string(7, '\0') + "\x7f"}) {
        Frame frame;
        CHECK(decode_frame(encode_frame(header(), "", leases), frame) == FrameFault::leases);
        CHECK(frame.leases.empty());
    }
}

TEST_CASE("a frame of a collector without a name is refused", "[codec][frame]") {
    auto nobody = header();
    nobody.collector.clear();
    CHECK(fault_of(encode_frame(nobody, "")) == FrameFault::wrong_type);
}

TEST_CASE("a frame without rows tells its header", "[codec][frame]") {
    Frame frame;
    REQUIRE(decode_frame(encode_frame(header(), ""), frame) == FrameFault::none);
    const auto& h = frame.header;
    CHECK(h.cluster == "main");
    CHECK(h.collector == "c1");
    CHECK(h.boot == 1'700'000'000'000'000);
    CHECK(h.number == 12);
    CHECK(h.base == 3);
    CHECK(h.map_version == 2);
    CHECK(h.sent == peer(5'000'000));
    CHECK(h.watermark == peer(4'990'000));
    REQUIRE(h.echo);
    CHECK(h.echo->tracker_boot == 9);
    CHECK(h.echo->acked_us == -17);
    CHECK(h.echo->received == peer(4'000'000));
    CHECK(h.dropped == 4);
    CHECK(h.goodbye);
    CHECK(frame.row_groups.empty());

    auto plain = header();
    plain.echo.reset();
    plain.goodbye = false;
    REQUIRE(decode_frame(encode_frame(plain, ""), frame) == FrameFault::none);
    CHECK_FALSE(frame.header.echo);
    CHECK_FALSE(frame.header.goodbye);
}

TEST_CASE("rows come back as they went, group by group", "[codec][frame]") {
    rc::prop("round trip", [] {
        const auto groups = any_groups();
        const auto bytes = frame_of(groups);
        Frame frame;
        RC_ASSERT(decode_frame(bytes, frame) == FrameFault::none);
        RowReader rows(frame.row_groups);
        for (std::size_t g = 0; g < groups.size(); ++g)
            for (std::size_t i = 0; i < groups[g].size(); ++i) {
                RC_ASSERT(rows.next());
                RC_ASSERT(rows.first_of_group() == (i == 0));
                RC_ASSERT(rows.read() == peer(static_cast<std::int64_t>(g) * 1000));
                RC_ASSERT(same(rows.row(), groups[g][i].view()));
            }
        RC_ASSERT_FALSE(rows.next());
        RC_ASSERT(rows.all_read());
    });
}

TEST_CASE("an edge is written again only when it changes", "[codec][frame]") {
    RowGroups rows;
    const std::string edge(kNameBytesMax, 'e');
    rows.append({.hash = 1, .user = "a", .edge = edge, .status = {}});
    const auto first = rows.bytes();
    rows.append({.hash = 1, .user = "a", .edge = edge, .status = {}});
    CHECK(rows.bytes() - first == 11);
    rows.close_group(peer(1));
    const auto bytes = frame_with_rows(rows.take());

    rows.append({.hash = 1, .user = "a", .edge = edge, .status = {}});
    CHECK(rows.bytes() == first);
    Frame frame;
    REQUIRE(decode_frame(bytes, frame) == FrameFault::none);
    RowReader reader(frame.row_groups);
    REQUIRE(reader.next());
    REQUIRE(reader.next());
    CHECK(reader.row().edge == edge);
    CHECK_FALSE(reader.next());
}

TEST_CASE("mere ids have the edge of their message, whatever lies between", "[codec][frame]") {
    RowGroups rows;
    std::vector<std::string> expected;
    const auto id = [&](std::string_view edge, std::uint64_t message) {
        rows.append(1, "a", RowSource{edge, message}, 0);
        expected.emplace_back(edge);
    };
    std::vector<std::string> read;
    const auto take = [&] {
        rows.close_group(peer(1));
        const auto bytes = frame_with_rows(rows.take());
        Frame frame;
        REQUIRE(decode_frame(bytes, frame) == FrameFault::none);
        for (RowReader reader(frame.row_groups); reader.next();)
            read.emplace_back(reader.row().edge);
    };
    id("e1", 1);
    id("e1", 1);
    id("e2", 2);
    id("", 3);
    id("e2", 4);
    rows.append({.hash = 1, .user = "a", .edge = "e3", .status = {}});
    expected.emplace_back("e3");
    id("e2", 4);
    take();
    id("e2", 4);  // the rest of a message is in the next frame
    id("e2", 4);
    take();
    CHECK(read == expected);
}

TEST_CASE("a row does not remember the one before, but for its edge", "[codec][frame]") {
    OwnedRow row;
    row.user = "alice";
    row.session = "s";
    row.edge = "e1";
    row.status = "away";
    row.row.ttl_ms = 5000;
    row.row.age_ms = 7;
    row.row.bye = true;
    OwnedRow plain;
    plain.user = "bob";
    plain.edge = "e1";
    Frame frame;
    const auto bytes = frame_of({{row, plain}});
    REQUIRE(decode_frame(bytes, frame) == FrameFault::none);
    RowReader rows(frame.row_groups);
    REQUIRE(rows.next());
    CHECK(same(rows.row(), row.view()));
    REQUIRE(rows.next());
    CHECK(same(rows.row(), plain.view()));
}

TEST_CASE("rows that end too early are not taken for whole ones", "[codec][frame]") {
    OwnedRow row;
    row.user = "alice";
    row.session = "s";
    row.row.age_ms = 7;
    RowGroups rows;
    rows.append(row.view());
    rows.close_group(peer(1));
    const auto whole = rows.take();
    for (std::size_t size = 1; size < whole.size(); ++size) {
        auto cut = whole.substr(0, size);
        CHECK(fault_of(frame_with_rows(cut)) == FrameFault::rows);
        if (size <= 12) continue;
        // As a group that says it is so short.
        cut[8] = static_cast<char>(size - 12);
        CHECK(fault_of(frame_with_rows(cut)) == FrameFault::rows);
    }
}

TEST_CASE("a group without rows is not written", "[codec][frame]") {
    RowGroups rows;
    rows.close_group(peer(1));
    CHECK(rows.empty());
    CHECK(rows.take().empty());
}

TEST_CASE("what is no frame is refused with its reason", "[codec][frame]") {
    const auto good = encode_frame(header(), "");
    CHECK(fault_of("") == FrameFault::not_msgpack);
    CHECK(fault_of(good + "x") == FrameFault::not_msgpack);
    CHECK(fault_of("\xdd\x0f\xff\xff\xff") == FrameFault::not_msgpack);
    CHECK(fault_of("\x90") == FrameFault::wrong_type);
    CHECK(fault_of("\x91\x01") == FrameFault::wrong_type);
    CHECK(fault_of("\x91\x02") == FrameFault::version);
    CHECK(fault_of("\x80") == FrameFault::wrong_type);
    auto far = header();
    far.watermark = peer(INT64_MIN);
    CHECK(fault_of(encode_frame(far, "")) == FrameFault::wrong_type);
    auto long_name = header();
    long_name.collector = std::string(kNameBytesMax + 1, 'c');
    CHECK(fault_of(encode_frame(long_name, "")) == FrameFault::wrong_type);
}

TEST_CASE("rows that break a bound are refused", "[codec][frame]") {
    const auto group = [](const std::string& rows, std::uint8_t claimed) {
        return "\x01\0\0\0\0\0\0\0"s + static_cast<char>(claimed) + "\0\0\0"s + rows;
    };
    const auto row = [](char flags, char length, const std::string& rest) {
        return std::string{flags, length} + "hashhash" + rest;
    };
    const auto good = row(0, 1, "a");
    Frame frame;
    CHECK(decode_frame(frame_with_rows(group(good, 11)), frame) == FrameFault::none);
    CHECK(fault_of(frame_with_rows(group(good, 12))) == FrameFault::rows);
    CHECK(fault_of(frame_with_rows(group(good, 10))) == FrameFault::rows);
    CHECK(fault_of(frame_with_rows("\x01")) == FrameFault::rows);
    for (const auto& bad :
         {row(0, 0, ""), row(0, 2, "a"), row(64, 1, "a"), row(0, char(kUserBytesMax + 1), ""),
          row(2, 1, "a"), row(2, 1, "a\x02s"), row(8, 1, "a\x01\0\0"s), row(8, 1, "a\x01\0\0\0"s),
          row(16, 1, "a\x01"), row(4, 1, "a" + std::string(1, char(kNameBytesMax + 1)))})
        CHECK(fault_of(frame_with_rows(group(bad, static_cast<std::uint8_t>(bad.size())))) ==
              FrameFault::rows);
    CHECK(fault_of(frame_with_rows("\0\0\0\0\0\0\0\x80\x0b\0\0\0"s + good)) == FrameFault::rows);
}

TEST_CASE("no bytes bring the frame decoder down", "[codec][frame]") {
    rc::prop("random bytes", [](const std::string& bytes) {
        Frame frame;
        (void)decode_frame(bytes, frame);
    });
    rc::prop("random rows", [](const std::string& rows) {
        Frame frame;
        const auto bytes = frame_with_rows(rows);
        if (decode_frame(bytes, frame) != FrameFault::none) RC_ASSERT(frame.row_groups.empty());
    });
    rc::prop("mutated frames", [] {
        auto bytes = frame_of(any_groups());
        for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
            bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
        Frame frame;
        if (decode_frame(bytes, frame) != FrameFault::none) return;
        for (RowReader rows(frame.row_groups); rows.next();) {
            const auto& row = rows.row();
            RC_ASSERT(!row.user.empty() && row.user.size() <= kUserBytesMax);
            RC_ASSERT(row.edge.size() <= kNameBytesMax);
        }
    });
}

TEST_CASE("what a frame tells to be read is not later than the frame", "[codec][frame]") {
    Frame frame;
    const auto decoded = [&](std::int64_t read, std::int64_t heard) {
        RowGroups rows;
        rows.append({.hash = 1, .user = "alice"});
        rows.close_group(peer(read));
        rows.append({.hash = 1, .user = "alice"});
        rows.close_group(peer(1));
        std::string leases, sightings;
        append_lease(leases, {"gw-1", peer(heard)});
        append_sighting(sightings, "c2", peer(1));
        return decode_frame(encode_frame(header(), rows.take(), leases, sightings), frame);
    };
    constexpr std::int64_t kSent = 5'000'000;
    CHECK(decoded(kSent, kSent) == FrameFault::none);
    CHECK(decoded(kSent + 1, kSent) == FrameFault::times);
    CHECK(decoded(kSent, kSent + 1) == FrameFault::times);
    CHECK(frame.row_groups.empty());
    CHECK(frame.leases.empty());
    CHECK(frame.sightings.empty());
}

TEST_CASE("an acknowledgement comes back as it went", "[codec][frame]") {
    rc::prop("round trip and mutations", [] {
        Ack ack{.cluster = "main", .tracker = "t1", .tracker_boot = 5, .collector_boot = 6};
        ack.applied = *rc::gen::arbitrary<std::uint64_t>();
        ack.gap = *rc::gen::arbitrary<bool>();
        ack.map_version = 3;
        ack.moved = *rc::gen::arbitrary<std::uint64_t>();
        ack.sent_us = *rc::gen::inRange<std::int64_t>(-1'000'000'000, 1'000'000'000);
        if (*rc::gen::arbitrary<bool>())
            ack.sightings = {{"c2", peer(ack.sent_us)}, {"c3", peer(ack.sent_us - 4)}};
        if (*rc::gen::arbitrary<bool>()) ack.other = {17, "10.0.0.5"};
        auto bytes = encode_ack(ack);
        const auto back = decode_ack(bytes);
        RC_ASSERT(back.has_value());
        RC_ASSERT(back->cluster == ack.cluster && back->tracker == ack.tracker);
        RC_ASSERT(back->tracker_boot == 5u && back->collector_boot == 6u);
        RC_ASSERT(back->applied == ack.applied && back->gap == ack.gap);
        RC_ASSERT(back->map_version == 3u && back->moved == ack.moved);
        RC_ASSERT(back->sent_us == ack.sent_us);
        RC_ASSERT(back->sightings.size() == ack.sightings.size());
        RC_ASSERT(back->other.has_value() == ack.other.has_value());
        if (ack.other) RC_ASSERT(back->other->boot == 17u && back->other->address == "10.0.0.5");
        bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
        (void)decode_ack(bytes);
    });
    CHECK_FALSE(decode_ack(""));
    CHECK_FALSE(decode_ack("\x90"));
    CHECK_FALSE(decode_ack("\xdd\x0f\xff\xff\xff"));
}

TEST_CASE("what newer peers append is read over, also within an array", "[codec][frame]") {
    const auto longer = [](std::string bytes, std::string_view array, std::string_view more) {
        const auto at = bytes.find(array);
        REQUIRE(at != std::string::npos);
        ++bytes[at];
        return bytes.insert(at + array.size(), more);
    };
    auto h = header();
    h.echo = FrameHeader::Echo{.tracker_boot = 7, .acked_us = 8, .received = peer(9)};
    Frame frame;
    REQUIRE(decode_frame(longer(encode_frame(h, ""), "\x93\x07\x08\x09", "\x92\x01\xc0"), frame) ==
            FrameFault::none);
    CHECK(frame.header.echo->received == peer(9));
    CHECK(frame.header.dropped == 4);

    Ack ack{.cluster = "main", .tracker = "t1", .other = Ack::Other{17, "ab"}, .list_hash = 5};
    const auto back = decode_ack(longer(encode_ack(ack), "\x92\x11\xa2\x61\x62", "\x2a"));
    REQUIRE(back);
    CHECK(back->other->address == "ab");
    CHECK(back->list_hash == 5);
}
