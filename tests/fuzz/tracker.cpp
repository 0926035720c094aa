// A running tracker, told anything: whole frames, rows in a frame that is right otherwise,
// questions, subscriptions, and time that passes. Whoever is online at the end goes offline once
// nobody beats.
#include <string>

#include "common/wire/frame.hpp"
#include "tests/fuzz/parts.hpp"
#include "tracker/tracker.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

struct Run {
    Instant now{1h};
    std::uint64_t number = 0;
    Output out;
    Tracker tracker{options(), SlotMap::rendezvous(1, {"t1"}), now};

    static TrackerOptions options() {
        TrackerOptions o;
        o.users_max = 1'000;
        o.trackers.resize(1);
        o.trackers[0].id = "t1";
        return o;
    }
    void end_turn() {
        while (tracker.end_turn(now, {}, out))
            out.clear();
        out.clear();
    }
    void frame(std::string_view rows) {
        FrameHeader header;
        header.cluster = "main";
        header.collector = "c1";
        header.boot = 1;
        header.number = ++number;
        header.base = number;
        header.sent = header.watermark = PeerInstant{now.time_since_epoch()};
        tracker.on_frame("peer", encode_frame(header, rows), now, {});
    }
};

}  // namespace

void fuzz(std::string_view bytes) {
    Run run;
    Parts parts(bytes);
    while (const auto part = parts.next()) {
        switch (part->kind % 5) {
            case 0:
                run.frame(part->bytes);
                break;
            case 1:
                run.tracker.on_frame("other", part->bytes, run.now, {});
                break;
            case 2:
                run.tracker.on_query("asker", part->bytes);
                break;
            case 3:
                run.tracker.on_subscriber({part->kind, 0}, part->bytes);
                if (part->kind % 2 == 0) run.tracker.on_no_subscriber();
                break;
            default:
                run.now += Duration{std::int64_t{part->kind} * 10'000};
        }
        run.end_turn();
    }
    expect(run.tracker.counters()["online"] <= 1'000);
}
