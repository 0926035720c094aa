#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "tracker/evidence/edges.hpp"
#include "tracker/evidence/holds.hpp"
#include "tracker/evidence/tick.hpp"

namespace presence::tracker {

// Which edges are heard, and what that means for sessions whose own deadline has passed.
//
// An edge that names itself speaks at least each second: its lease. While it is silent its users'
// heartbeats are missing whether they live or not, so time stands still for its sessions, in
// bounds:
//
// - A session that comes due more than `timeout` after its edge was heard last is held, until
//   `timeout` + `grace` after that. Then it is lost.
// - When the edge is heard again before, the deadlines of its sessions have moved on by its
//   silence.
// - No session is held beyond its `bound`: an edge that comes and goes cannot keep up users who are
//   gone.
// - Sessions with a ttl below 2 x `timeout`, and those of edges that do not name themselves, are
//   not held: they may come due before an edge is known to be silent.
//
// An edge heard late, through a slow collector, may seem to have been silent: later, never wrong.
//
// Pure. Times are ticks; `event_time` never goes back. O(1) but for what is told of one edge, which
// is O(its silences within an hour).
class EdgeLeases {
public:
    struct Options {
        Tick timeout = 3'000;
        Tick grace = 30'000;
    };
    explicit EdgeLeases(Options options) : options_(options) {}

    // An edge becomes known: something of it was read at `read`. What was known under its index is
    // forgotten.
    void begin(EdgeIndex edge, Tick read);
    // It was heard. Requires: begun.
    void on_heard(EdgeIndex edge, Tick read);
    // What edges said up to `now` may be missing: none counts as silent since before.
    void lift(Tick now) { lifted_ = std::max(lifted_, now); }

    // What becomes of a session at event time, whose deadline by itself has passed.
    struct Verdict {
        enum class Kind : std::uint8_t { lives, ended, lost } kind = Kind::ended;
        // lives: to be looked at again when event time has passed it, ended: its deadline.
        Tick at = 0;
        bool cut = false;  // without the bound it would live
    };
    // `began`: from where its ttl runs. Requires: began + ttl < event_time.
    [[nodiscard]] Verdict judge(EdgeIndex edge, Tick began, std::uint32_t ttl, Tick bound,
                                Tick event_time) const;

    // When it ends, by itself and by the silences of its edge that are over.
    [[nodiscard]] Tick deadline(EdgeIndex edge, Tick began, std::uint32_t ttl) const {
        return began + ttl + (covers(edge, ttl) ? edges_[edge].silences.after(began) : Tick{0});
    }

    // Since when a silent edge was not heard, and until when its sessions are held for that.
    struct Silence {
        Tick since = 0;
        Tick until = 0;
    };
    [[nodiscard]] bool silent(EdgeIndex edge, Tick event_time) const {
        return begun(edge) && event_time > heard(edges_[edge]) + options_.timeout;
    }
    [[nodiscard]] Silence silence(EdgeIndex edge) const;

    // How long after its edge's last word a session is held at most.
    [[nodiscard]] Tick hold_length() const { return options_.timeout + options_.grace; }

    [[nodiscard]] std::size_t bytes() const;

private:
    static constexpr Tick kNever = std::numeric_limits<Tick>::min() / 2;
    struct Edge {
        Tick heard = kNever;
        Holds silences;  // that have ended, as far as they held
    };
    [[nodiscard]] bool covers(EdgeIndex edge, std::uint32_t ttl) const {
        return begun(edge) && ttl >= 2 * options_.timeout;
    }
    [[nodiscard]] bool begun(EdgeIndex edge) const {
        return is_named(edge) && edge < edges_.size();
    }
    [[nodiscard]] Tick heard(const Edge& edge) const { return std::max(edge.heard, lifted_); }

    Options options_;
    std::vector<Edge> edges_;
    Tick lifted_ = kNever;
};

}  // namespace presence::tracker
