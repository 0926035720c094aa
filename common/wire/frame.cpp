#include "common/wire/frame.hpp"

#include <algorithm>

#include "common/limits.hpp"
#include "common/wire/msgpack_tokens.hpp"
#include "common/wire/msgpack_writer.hpp"
#include "common/wire/rows.hpp"

namespace presence {
namespace {

constexpr std::size_t kFrameElements = 13;
constexpr std::size_t kAckElements = 10;
constexpr std::size_t kTokensMax = 64;

// Reads element after element; once one is missing or of another kind, all that follow are empty.
class Reader {
public:
    explicit Reader(const MsgpackTokens& tokens) : cursor_(tokens.cursor()) {}

    // Elements beyond those known are left to newer versions.
    [[nodiscard]] bool array_of(std::size_t elements) {
        const auto count = cursor_.array();
        beyond_ = count.value_or(0) - elements;
        return ok_ = ok_ && count && *count >= elements;
    }
    // After the known elements of an array within another.
    void skip_beyond() {
        for (; ok_ && beyond_ > 0; --beyond_)
            cursor_.skip();
    }
    void read(std::uint64_t& to) { to = keep(cursor_.unsigned_number()); }
    void read(bool& to) { to = keep(cursor_.boolean()); }
    void read(std::int64_t& stamp) {
        stamp = keep(cursor_.number());
        ok_ = ok_ && is_stamp(stamp);
    }
    void read(PeerInstant& to) {
        std::int64_t stamp = 0;
        read(stamp);
        to = PeerInstant{Duration{ok_ ? stamp : 0}};
    }
    void read(std::string& name) {
        const auto text = bytes();
        ok_ = ok_ && text.size() <= kNameBytesMax;
        if (ok_) name.assign(text);
    }
    void read_epoch(Epoch& to) {
        read(to);
        ok_ = ok_ && is_epoch(to);
    }
    [[nodiscard]] std::string_view bytes() { return keep(cursor_.text()); }
    [[nodiscard]] bool nil() { return ok_ && cursor_.nil(); }
    [[nodiscard]] bool ok() const { return ok_; }

private:
    template <class T>
    T keep(std::optional<T> value) {
        ok_ = ok_ && value;
        return ok_ ? *value : T{};
    }

    MsgpackTokens::Cursor cursor_;
    std::size_t beyond_ = 0;
    bool ok_ = true;
};

void read_echo(Reader& reader, std::optional<FrameHeader::Echo>& to) {
    to.reset();
    if (reader.nil()) return;
    if (!reader.array_of(3)) return;
    auto& echo = to.emplace(FrameHeader::Echo{});
    reader.read(echo.tracker_boot);
    reader.read(echo.acked_us);
    reader.read(echo.received);
    reader.skip_beyond();
}

void read_other(Reader& reader, std::optional<Ack::Other>& to) {
    if (reader.nil() || !reader.array_of(2)) return;
    auto& other = to.emplace(Ack::Other{});
    reader.read(other.boot);
    reader.read(other.address);
    reader.skip_beyond();
}

}  // namespace

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
    MsgpackWriter writer;
    writer.reserve(row_groups.size() + leases.size() + sightings.size() + list.size() +
                   header.cluster.size() + header.collector.size() + 160);
    const bool ranked = header.list_hash != 0 || header.epoch != 0 || !list.empty();
    const std::size_t beside = !list.empty()        ? 5
                               : ranked             ? 4
                               : !sightings.empty() ? 2
                               : !leases.empty()    ? 1
                                                    : 0;
    writer.array(kFrameElements + beside)
        .number(kFrameVersion)
        .text(header.cluster)
        .text(header.collector);
    writer.number(header.boot).number(header.number).number(header.base);
    writer.number(header.map_version).number(micros(header.sent)).number(micros(header.watermark));
    if (header.echo)
        writer.array(3)
            .number(header.echo->tracker_boot)
            .number(header.echo->acked_us)
            .number(micros(header.echo->received));
    else
        writer.nil();
    writer.number(header.dropped).boolean(header.goodbye).bin(row_groups);
    if (beside > 0) writer.bin(leases);
    if (beside > 1) writer.bin(sightings);
    if (ranked) writer.number(header.list_hash).number(header.epoch);
    if (beside > 4) writer.bin(list);
    return writer.take();
}

FrameFault decode_frame(std::string_view bytes, Frame& out) {
    out.row_groups = {};
    out.leases.clear();
    out.sightings.clear();
    out.list = {};
    MsgpackTokens tokens;
    if (bytes.size() > kFrameBytesMax || !tokens.parse(bytes, kTokensMax))
        return FrameFault::not_msgpack;
    Reader reader(tokens);
    std::uint64_t version = 0;
    if (!reader.array_of(1)) return FrameFault::wrong_type;
    reader.read(version);
    if (reader.ok() && version != kFrameVersion) return FrameFault::version;
    const auto elements = tokens.cursor().array();
    if (elements < kFrameElements) return FrameFault::wrong_type;
    auto& header = out.header;
    reader.read(header.cluster);
    reader.read(header.collector);
    reader.read(header.boot);
    reader.read(header.number);
    reader.read(header.base);
    reader.read(header.map_version);
    reader.read(header.sent);
    reader.read(header.watermark);
    read_echo(reader, header.echo);
    reader.read(header.dropped);
    reader.read(header.goodbye);
    const auto row_groups = reader.bytes();
    const auto leases = elements > kFrameElements ? reader.bytes() : std::string_view{};
    const auto sightings = elements > kFrameElements + 1 ? reader.bytes() : std::string_view{};
    header.list_hash = header.epoch = 0;
    if (elements > kFrameElements + 2) reader.read(header.list_hash);
    if (elements > kFrameElements + 3) reader.read_epoch(header.epoch);
    const auto list = elements > kFrameElements + 4 ? reader.bytes() : std::string_view{};
    if (!reader.ok() || header.collector.empty()) return FrameFault::wrong_type;
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
    MsgpackWriter writer;
    const bool ranked = ack.list_hash != 0 || ack.epoch != 0;
    writer.array(kAckElements + (ranked ? 4 : ack.other ? 2 : ack.sightings.empty() ? 0 : 1));
    writer.number(kFrameVersion).text(ack.cluster).text(ack.tracker);
    writer.number(ack.tracker_boot).number(ack.collector_boot).number(ack.applied);
    writer.boolean(ack.gap).number(ack.map_version).number(ack.moved).number(ack.sent_us);
    if (ranked || ack.other || !ack.sightings.empty()) {
        std::string sightings;
        for (const auto& [collector, seen] : ack.sightings)
            append_sighting(sightings, collector, seen);
        writer.bin(sightings);
    }
    if (ack.other)
        writer.array(2).number(ack.other->boot).text(ack.other->address);
    else if (ranked)
        writer.nil();
    if (ranked) writer.number(ack.list_hash).number(ack.epoch);
    return writer.take();
}

std::optional<Ack> decode_ack(std::string_view bytes) {
    MsgpackTokens tokens;
    if (!tokens.parse(bytes, kTokensMax)) return std::nullopt;
    Reader reader(tokens);
    Ack ack;
    std::uint64_t version = 0;
    if (!reader.array_of(kAckElements)) return std::nullopt;
    reader.read(version);
    reader.read(ack.cluster);
    reader.read(ack.tracker);
    reader.read(ack.tracker_boot);
    reader.read(ack.collector_boot);
    reader.read(ack.applied);
    reader.read(ack.gap);
    reader.read(ack.map_version);
    reader.read(ack.moved);
    reader.read(ack.sent_us);
    const auto elements = tokens.cursor().array();
    const auto sightings = elements > kAckElements ? reader.bytes() : std::string_view{};
    if (elements > kAckElements + 1) read_other(reader, ack.other);
    if (elements > kAckElements + 2) reader.read(ack.list_hash);
    if (elements > kAckElements + 3) reader.read_epoch(ack.epoch);
    if (!reader.ok() || version != kFrameVersion || !decode_sightings(sightings, ack.sightings))
        return std::nullopt;
    return ack;
}

}  // namespace presence
