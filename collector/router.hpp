#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/counters.hpp"
#include "collector/read_lease.hpp"
#include "common/clocks/offset_filter.hpp"
#include "common/slots.hpp"
#include "common/time.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/heartbeat.hpp"
#include "common/wire/tracker_list.hpp"

namespace presence::collector {

struct RouterOptions {
    std::string cluster = "main";
    std::string collector = "c1";
    std::uint64_t boot = 1;
    Instant began{};  // read before the input was opened for the first time
    Duration timeout = 30s;
    // How long rows wait for a frame. Without rows a tracker gets one after twice that, for the
    // watermark; at most 20 ms.
    Duration flush_interval = 10ms;
    std::uint64_t resend_bytes_max = 64ull << 20;
    std::uint64_t backlog_max = 1'000'000;
    // How long heartbeats may be read after a tracker's last word; see ReadLease. Without end: a
    // tracker's grace is too short to tell a link that is cut from a machine that is busy.
    Duration lease = Duration::max();
    Duration grace = 30s;          // of trackers for a silent collector
    Duration reconnect_max = 10s;  // of edges, as docs/protocol.md asks of them
    // The caller sends probes. Without them the input is trusted to hold all that came.
    bool probed = false;

    // For trackers with this grace.
    static constexpr Duration kLeaseGraceMin = 4s;
    [[nodiscard]] static Duration lease_for(Duration collector_grace) {
        return collector_grace < kLeaseGraceMin ? Duration::max() : collector_grace * 3 / 4;
    }
};

// A frame to hand to the link of trackers[tracker]. The router keeps it until it is acknowledged,
// so a link may lose it.
struct Outgoing {
    std::size_t tracker = 0;
    std::shared_ptr<const std::string> frame;
};

// Decides what a collector sends to whom: heartbeats in, frames with watermarks out.
//
// The watermark promises a tracker that every heartbeat read up to then has been sent to it. It
// advances only in turns that found the input empty, not for 1 s after a stall of over 250 ms (the
// kernel may still hold what came meanwhile), and not while rows wait in a link's backlog. After a
// stall of over 2 s, in which edges may have given up, it tells the trackers of a loss. The same of
// what feeds the input, which has a thread of its own: probes show how far that has come.
//
// It may read heartbeats only while a tracker vouches for it (ReadLease). After its input was
// closed the watermark stands until edges are back, and a loss is told.
//
// It reads none while all trackers that take frames are behind: edges feel that. So the fastest of
// them says how much is read; for those that are slower, or take nothing, rows wait in the backlog,
// and nobody's users wait for another's tracker. An input that was not found empty for over 2 s,
// whatever for, is told as a loss when it is: edges may have given up.
//
// Beside the rows it tells every tracker which named edges it heard: of each the newest read time,
// at least every 500 ms. With a watermark W the tracker has been told of all leases up to W less
// 500 ms and two flushes. And, ten times in a grace, when other collectors spoke to some tracker.
//
// Pure. A turn: begin_turn, any number of on_message and on_ack, end_turn. Times never go back.
// Messages only if input() is then `open`; the caller closes and opens its socket as input() says.
class Router {
public:
    Router(RouterOptions options, SlotMap map);
    ~Router();
    Router(Router&&) noexcept;
    Router& operator=(Router&&) noexcept;

    // `now`: read before the first receive of the turn.
    void begin_turn(Instant now);
    // One PUSH message, `received` read after it was received. What breaks the contract is
    // dropped and counted.
    void on_message(std::string_view message, Instant received);
    void on_multipart() { ++rejects_["multipart"]; }
    // An acknowledgement from trackers[tracker]; `received` read after it was received.
    // False if it is refused: another tracker's, or for what was not sent here.
    bool on_ack(std::size_t tracker, std::string_view bytes, Instant received);
    // What probe() gave came back through what feeds the input. Requires: taken between begin_turn
    // and the first receive from the input.
    void on_probe(std::uint64_t number, Instant received);
    // `now`: read after the last receive. `drained`: the input was found empty in this turn.
    void end_turn(Instant now, bool drained, std::vector<Outgoing>& out);
    // After end_turn: what to send through what feeds the input now, if anything.
    [[nodiscard]] std::optional<std::uint64_t> probe(Instant now);
    // How long what feeds the input has not been seen to work.
    [[nodiscard]] Duration input_silence(Instant now) const;

    // A new map: rows are routed by it from now on. Links of trackers that are in both are kept. To
    // others a loss is told, as what was read of their users before went elsewhere; a tracker with
    // a kept link sees from its frames which slots it was not fed.
    void adopt(SlotMap map);
    // Says goodbye on every link with all that was read; nothing may be read after it.
    void goodbye(Instant now, std::vector<Outgoing>& out);
    // Of this turn. After it was `closed` and is no more the caller opens its socket, and says when
    // it has; until then it reads nothing.
    [[nodiscard]] ReadLease::State input() const;
    void on_opened(Instant now);
    // Every tracker has acknowledged something.
    [[nodiscard]] bool heard_by_all() const;
    // Another process that speaks under this collector's id, as trackers[tracker] said last.
    [[nodiscard]] const std::optional<Ack::Other>& other_told_by(std::size_t tracker) const;
    // All frames that were sent are acknowledged by every tracker.
    [[nodiscard]] bool all_acknowledged() const;

    // When end_turn has something to send even without input.
    [[nodiscard]] Instant next_wakeup() const;
    [[nodiscard]] const SlotMap& map() const;
    // Of map().
    [[nodiscard]] const ListRank& rank() const;
    // By which list trackers[tracker] goes, as it said last; nothing before that.
    [[nodiscard]] std::optional<ListRank> list_of(std::size_t tracker) const;
    [[nodiscard]] const Rejects& rejects() const { return rejects_; }
    // The first item since the last call of which a field is wrong: whose it is, by which edge.
    struct Wrong {
        std::string user, edge;
        Reject field{};
    };
    [[nodiscard]] std::optional<Wrong> take_wrong();

    [[nodiscard]] CollectorCounters counters() const;

private:
    Rejects rejects_;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace presence::collector
