// What timeouts wait for, why, and until when at the longest.
#include <algorithm>

#include "common/limits.hpp"
#include "tracker/answers/answers.hpp"

namespace presence::tracker {

std::vector<StatusAnswer::Hold> Answers::holds() const {
    std::vector<StatusAnswer::Hold> all;
    const auto add = [&](std::string what, const char* why, Instant since, Instant until,
                         std::uint64_t sessions) {
        all.push_back({std::move(what), why, millis(wall.at(since)),
                       until == Instant{} ? 0 : millis(wall.at(until)), sessions});
    };
    for (const auto& other : feeds.differing(failure_detector)) {
        const char* const why = other.rank.version > feeds.rank().version   ? "newer_list"
                                : other.rank.version < feeds.rank().version ? "older_list"
                                                                            : "other_list";
        const auto until = other.missing == 0 ? Instant{} : now + feeds.left();
        // As if users were spread evenly over the slots.
        const auto own = slots_owned(map, options.tracker).count();
        const auto wait = own == 0 ? 0 : roster.sessions() * other.missing / own;
        add("collector:" + other.collector, why, other.since, until, wait);
    }
    using State = FailureDetector::View::State;
    const auto freeze_end = now + time.left();
    for (const auto& c : failure_detector.view(now)) {
        const bool holds = c.state == State::expected || c.state == State::live;
        if (!holds || !time.since()) continue;
        if (c.watermark && now - *c.watermark <= EventTime::kLag) continue;
        const bool silent = now - c.heard > EventTime::kLag;
        // It reads, and cannot tell us what.
        const bool cut_off = silent && c.alive - c.heard > EventTime::kLag;
        // Whoever starts is not held yet.
        if (c.state == State::expected && !silent) continue;
        const char* const why = time.used_up()               ? "used_up"
                                : cut_off                    ? "cut_off"
                                : c.state == State::expected ? "never_heard"
                                : silent                     ? "silent"
                                                             : "behind";
        const auto given_up = c.alive + options.collector_grace;
        add("collector:" + std::string(c.id), why, c.watermark.value_or(c.heard),
            silent && !cut_off ? std::min(given_up, freeze_end) : freeze_end, roster.sessions());
    }
    if (time.since() && failure_detector.known() == 0)
        add("collectors", time.used_up() ? "used_up" : "none_known",
            evidence.value_or(*time.since()), freeze_end, roster.sessions());
    else if (lifted_at && now < *lifted_at + options.timeout && roster.sessions() > 0)
        add("collectors", "lifted", *lifted_at, *lifted_at + options.timeout, roster.sessions());
    if (disk_held) {
        add("disk", writing.failing ? "failing" : "behind", *disk_held, {}, roster.sessions());
        all.back().error = writing.error;
    }
    // Nobody is held; but nobody knows of who is left out.
    if (!roster.knows_all()) add("users_max", "full", now, {}, 0);
    if (const auto held = roster.held_over(); held.sessions > 0)
        add("restart", "restored", started, held.until, held.sessions);
    std::vector<Roster::Hold> edges;
    roster.silent_edges(kHoldsTold, edges);
    for (const auto& edge : edges) {
        const bool lost = edge.until < event_time.value_or(now);
        add("edge:" + std::string(edge.edge), lost ? "lost" : "silent", edge.since, edge.until,
            edge.sessions);
    }
    return all;
}

}  // namespace presence::tracker
