// A tracker's store as a restart reads it: slot states, then rows of the journal. Each part of the
// input is told as either, then the tracker runs.
#include "tests/fuzz/parts.hpp"
#include "tracker/tracker.hpp"

using namespace presence;
using namespace presence::tracker;

void fuzz(std::string_view bytes) {
    TrackerOptions options;
    options.users_max = 1'000;
    options.journal = true;
    options.trackers.resize(1);
    options.trackers[0].id = "t1";
    Instant now{1h};
    Tracker tracker(options, SlotMap::rendezvous(1, {"t1"}), now);
    Parts parts(bytes);
    Tracker::Past past{.boot = 7, .batch = 9};
    while (const auto part = parts.next()) {
        if (part->kind % 3 == 0)
            tracker.restore_state(part->bytes, now, {});
        else if (part->kind % 3 == 1)
            tracker.restore_batch(part->bytes, now, {});
        else
            past.facts = part->bytes;
    }
    (void)Tracker::collectors_in(past.facts);
    tracker.begin(past, now, {});
    Output out;
    for (int turn = 0; turn < 3; ++turn) {
        out.clear();
        (void)tracker.end_turn(now += 1min, {}, out);
    }
}
