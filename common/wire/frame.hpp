#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/limits.hpp"
#include "common/time.hpp"
#include "common/wire/tracker_list.hpp"

// The internal link, collector DEALER <-> tracker ROUTER (docs/protocol.md, "Frames").
namespace presence {

inline constexpr std::uint32_t kFrameVersion = 1;
// Frames of a link under way at once, from `base` on.
inline constexpr std::uint64_t kFrameWindow = 256;

// One heartbeat on its way to the user's tracker.
struct Row {
    std::uint64_t hash = 0;
    std::string_view user{};
    std::string_view session{};
    std::string_view edge{};
    std::optional<std::string_view> status{};
    std::uint32_t ttl_ms = 0;  // 0: the tracker's default; of a bye: ttl_of_bye()
    std::uint32_t age_ms = 0;  // how much older than its group's read time
    bool bye = false;
};

// What stands for the ttl in the row of a bye: how long it lingers, above the least ttl, as a row
// with less is refused. 0: the tracker's default.
[[nodiscard]] constexpr std::uint32_t ttl_of_bye(std::optional<std::uint32_t> linger_ms) {
    return linger_ms ? kTtlMinMs + *linger_ms : 0;
}
[[nodiscard]] constexpr std::uint32_t linger_of_bye(std::uint32_t ttl_ms,
                                                    std::uint32_t default_ms) {
    return ttl_ms == 0 ? default_ms : std::min(ttl_ms - kTtlMinMs, kLingerMaxMs);
}

// What a collector says of itself in each frame.
struct FrameHeader {
    std::string cluster;
    std::string collector;
    std::uint64_t boot = 0;
    std::uint64_t number = 0;  // 1, 2, ... within the boot and the link
    std::uint64_t base = 0;    // lowest number not yet acknowledged on this link
    // By which list of trackers its rows were routed, and those up to its watermark. 0: not told.
    std::uint64_t map_version = 0;
    std::uint64_t list_hash = 0;
    PeerInstant sent{};       // read before sending, on the collector's clock
    PeerInstant watermark{};  // everything read up to here is in this frame or an earlier one
    // The newest acknowledgement: our stamp in it, and when the collector had it.
    struct Echo {
        std::uint64_t tracker_boot =
            0;                      // whose stamp: another run's clock may be another machine's
        std::int64_t acked_us = 0;  // tracker's clock
        PeerInstant received{};
    };
    std::optional<Echo> echo;
    // Rows for this tracker that the collector gave up, and stalls in which edges may have, since
    // its boot.
    std::uint64_t dropped = 0;
    bool goodbye = false;  // the last frame of this boot: everything read has been sent
    Epoch epoch = 0;       // the highest of any slot that the collector has heard of
    // Some tracker of its list has not answered it lately. A collector that only this tracker hears
    // may live, and the sender of the frame cannot know.
    bool misses_tracker = false;

    [[nodiscard]] ListRank list() const { return {map_version, list_hash}; }
};

// An edge that names itself was heard: its newest message was read then. Told beside the rows to
// every tracker, as an edge's users may be anywhere.
struct Lease {
    std::string_view edge;
    PeerInstant read{};
};
// Requires: 1..kNameBytesMax bytes of name.
void append_lease(std::string& leases, const Lease& lease);

// A collector spoke to some tracker then, or later, by the clock of whoever tells it. A tracker
// that does not hear a collector learns so, by way of others, that it lives.
struct Sighting {
    std::string collector;
    PeerInstant seen{};
};
// Requires: 1..kNameBytesMax bytes of name.
void append_sighting(std::string& sightings, std::string_view collector, PeerInstant seen);

// An edge's message, as rows know it: those of one number have one edge, and need not compare it.
struct RowSource {
    std::string_view edge;
    std::uint64_t message = 1;  // never 0
};

// Rows as bytes, in groups that share a read time. Appended to without allocation per row.
class RowGroups {
public:
    // Starts a group whose read time is told later by close_group(); until then it is open.
    // Requires: user, names and ttl keep the public contract.
    void append(const Row& row);
    // The same for one that says nothing but whose it is: most do, and a whole Row costs more.
    void append(std::uint64_t hash, std::string_view user, const RowSource& source,
                std::uint32_t age_ms);
    // Stamps what was appended since the last call. No open rows: does nothing.
    void close_group(PeerInstant read);
    [[nodiscard]] std::size_t bytes() const { return used_; }
    [[nodiscard]] std::size_t rows() const { return rows_; }
    [[nodiscard]] bool empty() const { return rows_ == 0; }
    // The bytes; starts anew. Requires: no open group.
    [[nodiscard]] std::string take();

private:
    // Where the next row goes; there is room for the largest.
    [[nodiscard]] char* next_row();
    // Stores the edge if it is another than that of the row before.
    [[nodiscard]] char* store_edge(char* p, std::string_view edge, std::uint8_t& flags);
    // From next_row() up to `end`.
    void end_row(const char* end);

    std::string bytes_;  // its size is room, of which used_ is taken; kept from frame to frame
    std::size_t used_ = 0;
    std::size_t open_at_ = kNoGroup;
    std::size_t rows_ = 0;
    std::string last_edge_;
    std::uint64_t last_message_ = 0;
    static constexpr std::size_t kNoGroup = static_cast<std::size_t>(-1);
};

// `leases`, `sightings`, `list`: as append_lease, append_sighting and encode_list write them.
[[nodiscard]] std::string encode_frame(const FrameHeader& header, std::string_view row_groups,
                                       std::string_view leases = {},
                                       std::string_view sightings = {}, std::string_view list = {});

// The rows of row groups, one after the other, without room for them all: a frame has thousands.
// Views live as long as the bytes.
class RowReader {
public:
    explicit RowReader(std::string_view row_groups)
        : at_(row_groups.data()), group_end_(at_), end_(at_ + row_groups.size()) {}

    // Goes on to the next row. False after the last one, and where they are malformed.
    [[nodiscard]] bool next() { return next(row_); }
    // The same, but into `row`, all of whose fields it sets.
    [[nodiscard]] bool next(Row& row);
    // After next() was false: that was the end.
    [[nodiscard]] bool all_read() const { return at_ == end_; }
    // Of the groups so far.
    [[nodiscard]] PeerInstant read_last() const { return read_last_; }

    [[nodiscard]] const Row& row() const { return row_; }
    // The latest time at which the collector may have read it, before its own `age_ms` is taken
    // off.
    [[nodiscard]] PeerInstant read() const { return read_; }
    [[nodiscard]] bool first_of_group() const { return first_; }

private:
    [[nodiscard]] bool take_group();

    const char* at_;
    const char* group_end_;
    const char* end_;
    PeerInstant read_{};
    PeerInstant read_last_ = PeerInstant::min();
    std::string_view edge_;  // of the last row
    Row row_;
    bool first_ = false;
};

// A decoded frame; views live as long as the bytes.
struct Frame {
    FrameHeader header;
    std::string_view row_groups;  // well-formed: a RowReader reads all of them
    std::vector<Lease> leases;
    std::vector<Sighting> sightings;  // of other collectors, by other trackers
    std::string_view list;            // the header's, well-formed; empty: not told
};

enum class FrameFault : std::uint8_t {
    none,
    not_msgpack,
    version,
    wrong_type,
    rows,
    leases,
    sightings,
    list,
    times,  // of a read, later than when it was sent
    count_
};
[[nodiscard]] std::string_view name_of(FrameFault fault);

// Reuses `out`'s memory. Lengths, ttl and times are in bounds afterwards; whether texts are UTF-8
// and hashes right is for the collector to see to. No byte sequence makes this read out of bounds
// or allocate more than 64 bytes a byte given. On a fault there are no rows, leases and sightings.
[[nodiscard]] FrameFault decode_frame(std::string_view bytes, Frame& out);

// Tracker to collector: that it is heard, and that everything up to `applied` is applied and what
// came of it is written.
struct Ack {
    std::string cluster;
    std::string tracker;
    std::uint64_t tracker_boot = 0;
    std::uint64_t collector_boot = 0;
    std::uint64_t applied = 0;  // highest number such that it and all before are applied
    bool gap = false;           // a later frame came: send again from applied + 1
    std::uint64_t map_version = 0;
    std::uint64_t moved = 0;   // rows refused as another tracker's, since the collector's boot
    std::int64_t sent_us = 0;  // tracker's clock, read before sending
    std::vector<Sighting> sightings{};  // of other collectors, by this tracker
    // Another process that speaks under this collector's id, and where from.
    struct Other {
        std::uint64_t boot = 0;
        std::string address;
    };
    std::optional<Other> other{};
    std::uint64_t list_hash = 0;  // of the list of trackers it goes by. 0: not told
    Epoch epoch = 0;              // the highest of any slot that the tracker has heard of
    // Collector's clock: when the newest frame that came was sent, applied or not. 0: not told. The
    // tracker's patience with the collector counts from then, or later.
    std::int64_t heard_us = 0;

    [[nodiscard]] ListRank list() const { return {map_version, list_hash}; }
};
[[nodiscard]] std::string encode_ack(const Ack& ack);
[[nodiscard]] std::optional<Ack> decode_ack(std::string_view bytes);

}  // namespace presence
