#include "common/wire/frame.hpp"

#include <algorithm>

#include "common/limits.hpp"
#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"
#include "common/wire/rows.hpp"

namespace presence {
namespace {

constexpr std::size_t kTokensMax = 64;

constexpr auto name(auto& text) {
    return only(text, [](std::string_view name) { return name.size() <= kNameBytesMax; });
}

}  // namespace

static void describe(auto& to, Is<FrameHeader::Echo> auto& echo) {
    to.record(echo.tracker_boot, only(echo.acked_us, is_stamp), echo.received);
}

static void describe(auto& to, Is<FrameHeader> auto& header, std::string_view& row_groups,
                     std::string_view& leases, std::string_view& sightings,
                     std::string_view& list) {
    const bool ranked = header.list_hash != 0 || header.epoch != 0;
    to.record(version(kFrameVersion), name(header.cluster), name(header.collector), header.boot,
              header.number, header.base, header.map_version, header.sent, header.watermark,
              header.echo, header.dropped, header.goodbye, row_groups,
              later(!leases.empty(), leases), later(!sightings.empty(), sightings),
              later(ranked, header.list_hash), later(ranked, only(header.epoch, is_epoch)),
              later(!list.empty(), list), later(header.misses_tracker, header.misses_tracker));
}

static void describe(auto& to, Is<Ack::Other> auto& other) {
    to.record(other.boot, name(other.address));
}

static void describe(auto& to, Is<Ack> auto& ack) {
    const bool ranked = ack.list_hash != 0 || ack.epoch != 0;
    to.record(
        version(kFrameVersion), name(ack.cluster), name(ack.tracker), ack.tracker_boot,
        ack.collector_boot, ack.applied, ack.gap, ack.map_version, ack.moved,
        only(ack.sent_us, is_stamp),
        later(!ack.sightings.empty(), packed(ack.sightings, encode_sightings, decode_sightings)),
        later(ack.other.has_value(), ack.other), later(ranked, ack.list_hash),
        later(ranked, only(ack.epoch, is_epoch)),
        later(ack.heard_us != 0, only(ack.heard_us, is_stamp)));
}

std::string_view name_of(FrameFault fault) {
    switch (fault) {
        case FrameFault::none:
            return "none";
        case FrameFault::not_msgpack:
            return "not_msgpack";
        case FrameFault::version:
            return "version";
        case FrameFault::wrong_type:
            return "wrong_type";
        case FrameFault::rows:
            return "rows";
        case FrameFault::leases:
            return "leases";
        case FrameFault::sightings:
            return "sightings";
        case FrameFault::list:
            return "list";
        case FrameFault::times:
            return "times";
        case FrameFault::count_:
            break;
    }
    return "unknown";
}

std::string encode_frame(const FrameHeader& header, std::string_view row_groups,
                         std::string_view leases, std::string_view sightings,
                         std::string_view list) {
    MsgpackWriter out;
    out.reserve(row_groups.size() + leases.size() + sightings.size() + list.size() +
                header.cluster.size() + header.collector.size() + 160);
    describe(out, header, row_groups, leases, sightings, list);
    return out.take();
}

FrameFault decode_frame(std::string_view bytes, Frame& out) {
    out.row_groups = {};
    out.leases.clear();
    out.sightings.clear();
    out.list = {};
    MsgpackTokens tokens;
    if (bytes.size() > kFrameBytesMax || !tokens.parse(bytes, kTokensMax))
        return FrameFault::not_msgpack;
    auto& header = out.header;
    std::string_view row_groups, leases, sightings, list;
    MsgpackReader in(tokens.cursor());
    describe(in, header, row_groups, leases, sightings, list);
    if (in.other_version()) return FrameFault::version;
    if (!in.ok() || header.collector.empty()) return FrameFault::wrong_type;
    RowReader rows(row_groups);
    while (rows.next()) {
    }
    if (!rows.all_read()) return FrameFault::rows;
    if (!list.empty() && !decode_list(list)) return FrameFault::list;
    const bool good_leases = decode_leases(leases, out.leases);
    const bool good_sightings = good_leases && decode_sightings(sightings, out.sightings);
    const auto later = [&](PeerInstant at) { return at > header.sent; };
    const bool good_times = good_sightings && !later(rows.read_last()) &&
                            std::none_of(out.leases.begin(), out.leases.end(),
                                         [&](const Lease& lease) { return later(lease.read); });
    if (!good_times) {
        out.leases.clear();
        out.sightings.clear();
        return !good_leases      ? FrameFault::leases
               : !good_sightings ? FrameFault::sightings
                                 : FrameFault::times;
    }
    out.row_groups = row_groups;
    out.list = list;
    return FrameFault::none;
}

std::string encode_ack(const Ack& ack) {
    return write_message(ack);
}

std::optional<Ack> decode_ack(std::string_view bytes) {
    return read_message<Ack>(bytes, kTokensMax);
}

}  // namespace presence
