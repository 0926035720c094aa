#include "tracker/stats.hpp"

namespace presence::tracker {

std::vector<std::string> StaleBy::names() const {
    std::vector<std::string> all;
    if (disk) all.emplace_back("disk");
    if (freeze_max) all.emplace_back("freeze_max");
    if (lifts) all.emplace_back("lifts");
    if (lists) all.emplace_back("lists");
    return all;
}

void each_number(const TrackerStats& stats,
                 const std::function<void(std::string_view, std::int64_t)>& fn) {
    const auto tell = [&](std::string_view name, std::uint64_t value) {
        fn(name, static_cast<std::int64_t>(value));
    };
    tell("online", stats.online);
    tell("sessions", stats.sessions);
    tell("edges", stats.edges);
    tell("edges_silent", stats.edges_silent);
    tell("edge_lost", stats.edge_lost);
    tell("heartbeats", stats.heartbeats);
    tell("transitions", stats.transitions);
    tell("batches", stats.batches);
    tell("frames", stats.frames);
    tell("frames_duplicate", stats.frames_duplicate);
    tell("frames_gap", stats.frames_gap);
    tell("frames_refused", stats.frames_refused);
    tell("stale", stats.stale);
    tell("after_bye", stats.after_bye);
    tell("moved", stats.moved);
    tell("slots_not_fed", stats.slots_not_fed);
    tell("users_limit", stats.users_limit);
    tell("sessions_limit", stats.sessions_limit);
    tell("edges_limit", stats.edges_limit);
    tell("malformed", stats.malformed);
    tell("lifts", stats.lifts);
    tell("lifts_refused", stats.lifts_refused);
    tell("queries", stats.queries);
    tell("queries_refused", stats.queries_refused);
    tell("replays_refused", stats.replays_refused);
    tell("journal_waiting_bytes", stats.journal_waiting_bytes);
    tell("topics", stats.topics);
    fn("lag_ms", stats.lag.count() < 0 ? -1 : stats.lag.count() / 1000);
    fn("frozen_ms", stats.frozen.count() / 1000);
}

}  // namespace presence::tracker
