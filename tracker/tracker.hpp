#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/config.hpp"
#include "common/peer_connection.hpp"
#include "common/slots.hpp"
#include "common/time.hpp"
#include "common/wire/event.hpp"
#include "common/wire/query.hpp"
#include "tracker/counters.hpp"
#include "tracker/evidence/failure_detector.hpp"
#include "tracker/evidence/feeds.hpp"
#include "tracker/options.hpp"
#include "tracker/staleness.hpp"
#include "tracker/stream/output.hpp"

namespace presence::tracker {

// A tracker without its sockets: frames, queries and subscriptions in; acks, answers, batches,
// ticks and user events out. Composes FailureDetector, Roster and Publisher.
//
// Pure. First, if there is a past: restore_state* and restore_batch*, in this order; then begin().
// A turn: on_frame* and on_query* and on_subscriber*, then end_turn. Times never go back.
class Tracker {
public:
    using Stats = TrackerStats;
    using Writing = WritingState;

    Tracker(TrackerOptions options, SlotMap map, Instant now);
    ~Tracker();
    Tracker(Tracker&&) noexcept;

    // A slot's state, and a batch after it, as an earlier run wrote them. Whoever was online then
    // is held for their ttl. Returns how many of them were left out by a limit; nothing: it is
    // none, or of a newer version.
    std::optional<std::size_t> restore_state(std::string_view bytes, Instant now, WallOffset wall);
    std::optional<std::size_t> restore_batch(std::string_view bytes, Instant now, WallOffset wall);
    // The collectors that an earlier run knew, as the last `facts` of its output tell.
    static std::vector<std::string> collectors_in(std::string_view facts);

    struct Past {
        std::uint64_t boot = 0;                                // 0: none is known
        std::uint64_t batch = 0;                               // its last
        std::string facts{};                                   // as it wrote them with that batch
        enum class Users { go_on, end } users = Users::go_on;  // end: all are told offline at once
    };
    // Begins a run: new epochs, and a first batch that tells the run before.
    void begin(const Past& past, Instant now, WallOffset wall);
    // Tells everyone offline with reason `shutdown`. Then one end_turn() is the last.
    void end_all(Instant now, WallOffset wall);

    // `received` is read after the frame was received; one reading may serve all of a turn.
    // `address`: where it came from, as it is shown.
    void on_frame(std::string_view peer, std::string_view bytes, Instant received, WallOffset wall,
                  std::string_view address = {});
    // Answered in end_turn, after the batches of that turn: of this one, or, behind longer answers,
    // of a later one.
    void on_query(std::string_view peer, std::string_view bytes);
    // No question waits from an earlier turn: until then further ones had better wait outside.
    [[nodiscard]] bool takes_questions() const;
    // From XPUB: that a topic now has, or no longer has, a subscriber, or what is no subscription.
    // The first one to `tick` is told at once, so that it knows where the stream stands.
    // `address`: whose it is, as it is shown.
    void on_subscriber(const PeerConnection& from, std::string_view message,
                       std::string_view address = {});
    // All that came from XPUB was read.
    void on_no_subscriber();
    // Connections of subscribers that are to be ended, since the last call.
    [[nodiscard]] std::vector<Unwelcome> take_unwelcome();

    void on_writing(Writing writing);

    // Expires, publishes, acknowledges, answers. `now` is read after the last receive and before
    // the first send. Returns true if more is due at once: call again soon.
    bool end_turn(Instant now, WallOffset wall, Output& out);

    // The answer to a replay that was asked for in an output; `found`: rows, or why not.
    [[nodiscard]] ToPeer answer_replay(const Replay& replay,
                                       std::variant<ReplayAnswer, QueryError> found, Instant now,
                                       WallOffset wall) const;

    // A new map: slots lost are forgotten, slots won begin a new epoch. `unix_ms`: for the epochs.
    void adopt(SlotMap map, std::vector<TrackerConfig> trackers, Instant now, std::int64_t unix_ms);
    // The file names these collectors now: they are waited for, and those that are gone and not
    // among them are forgotten.
    void expect(const std::vector<CollectorConfig>& collectors, Instant now);
    // Never later than the next deadline or tick; may be earlier.
    [[nodiscard]] Instant next_wakeup(Instant now) const;

    [[nodiscard]] const Stats& stats() const;
    [[nodiscard]] TrackerCounters counters() const;
    [[nodiscard]] const FailureDetector& failure_detector() const;
    [[nodiscard]] const Feeds& feeds() const;
    // What timeouts wait for now, as `status` tells it.
    [[nodiscard]] std::vector<StatusAnswer::Hold> holds(Instant now, WallOffset wall) const;
    [[nodiscard]] std::uint64_t boot() const;

    // Ids that two processes have, or more; those of collectors are in watermarks().
    [[nodiscard]] std::vector<StatusAnswer::Shared> ids_shared(Instant now) const;

    // The first frame refused since the last call: who sent it, as far as it says, and why.
    struct Refused {
        std::string reason;  // a FrameFault, or cluster, numbers, collectors_limit
        std::string cluster, collector;
    };
    [[nodiscard]] std::optional<Refused> take_refused();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace presence::tracker
