#include "tracker/health_log.hpp"

#include <algorithm>
#include <utility>

#include "common/io/log.hpp"

namespace presence::tracker {

namespace {

namespace log = io::log;

constexpr std::size_t kCollectorsMax = 2 * FailureDetector::kCollectorsMax;

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ",") + name;
    return out;
}

}  // namespace

void HealthLog::turn(Instant now, Tracker& tracker) {
    if (!look_.take(now)) return;
    tell_collectors(now, tracker);
    tell_lists(tracker);
    tell_ids(now, tracker);
    tell_freshness(tracker.stats());
    tell_holds(now, tracker);
    tell_refused(now, tracker);
}

void HealthLog::tell_collectors(Instant now, const Tracker& tracker) {
    using State = FailureDetector::View::State;
    if (collectors_.size() > kCollectorsMax) collectors_.clear();  // ids that came and went
    for (const auto& view : tracker.failure_detector().view(now)) {
        const bool shared = view.other.has_value();
        auto& told = collectors_[{std::string(view.id), view.boot}];
        const log::Fields fields{
            {"collector", view.id}, {"boot", view.boot}, {"from", view.address}};
        if (std::exchange(told.shared, shared) != shared) {
            if (shared)
                log::error("id_shared", fields);
            else
                log::warn("id_shared_no_more", fields);
        }
        const auto before = std::exchange(told.state, view.state);
        if (before == view.state) continue;
        if (view.state == State::live)
            (before == State::silent ? log::warn : log::info)("collector_live", fields);
        if (view.state == State::silent) log::warn("collector_silent", fields);
        if (view.state == State::departed) log::info("collector_departed", fields);
    }
}

void HealthLog::tell_lists(const Tracker& tracker) {
    const auto& ours = tracker.feeds().rank();
    decltype(lists_) current;
    for (const auto& other : tracker.feeds().differing(tracker.failure_detector())) {
        const auto& pair = current[other.collector] = {other.rank, ours};
        if (const auto told = lists_.find(other.collector);
            told != lists_.end() && told->second == pair)
            continue;
        const bool same = other.rank.version == ours.version;
        log::warn("list_differs", {{"collector", other.collector},
                                   {"its_list", text_of(other.rank)},
                                   {"our_list", text_of(ours)},
                                   {"older", same ? "neither: two lists of one version"
                                             : other.rank < ours ? "its"
                                                                 : "ours"},
                                   {"slots_not_fed", other.missing}});
    }
    for (const auto& [collector, lists] : lists_)
        if (!current.contains(collector))
            log::warn("list_agrees", {{"collector", collector}, {"list", text_of(ours)}});
    lists_ = std::move(current);
}

void HealthLog::tell_ids(Instant now, const Tracker& tracker) {
    std::set<std::string> current;
    for (const auto& shared : tracker.ids_shared(now)) {
        current.insert(shared.what);
        if (ids_.contains(shared.what)) continue;
        log::error("id_shared", {{"of", shared.what}, {"from", joined(shared.from)}});
    }
    for (const auto& what : ids_)
        if (!current.contains(what)) log::warn("id_shared_no_more", {{"of", what}});
    ids_ = std::move(current);
}

void HealthLog::tell_freshness(const Tracker::Stats& stats) {
    if (stats.freshness == freshness_ && stats.stale_by == stale_by_) return;
    const auto warned_of = [](Freshness freshness) {
        return freshness == Freshness::frozen || freshness == Freshness::stale;
    };
    const bool warn = warned_of(freshness_) || warned_of(stats.freshness);
    freshness_ = stats.freshness;
    stale_by_ = stats.stale_by;
    log::Fields fields{{"freshness", name_of(stats.freshness)},
                       {"lag_ms", stats.lag.count() / 1000}};
    if (stale_by_.any()) fields.emplace_back("stale_by", joined(stale_by_.names()));
    (warn ? log::warn : log::info)("freshness", fields);
}

void HealthLog::tell_holds(Instant now, const Tracker& tracker) {
    std::map<std::string, std::string> current;
    std::size_t lines = 0, more = 0;
    for (const auto& hold : tracker.holds(now, {})) {
        if (hold.why.ends_with("_list")) continue;  // see tell_lists()
        current[hold.what] = hold.why;
        const auto told = holds_.find(hold.what);
        if (told != holds_.end() && told->second == hold.why) continue;
        if (lines++ >= kHoldLines) {
            ++more;
            continue;
        }
        log::Fields fields{{"by", hold.what}, {"why", hold.why}, {"sessions", hold.sessions}};
        if (!hold.error.empty()) fields.emplace_back("error", hold.error);
        if (hold.until_ms != 0)
            fields.emplace_back("at_most_ms",
                                std::max<std::int64_t>(0, hold.until_ms - micros(now) / 1000));
        log::warn("held", fields);
    }
    for (const auto& [what, why] : holds_) {
        if (current.contains(what)) continue;
        if (lines++ < kHoldLines)
            log::warn("released", {{"by", what}, {"was", why}});
        else
            ++more;
    }
    if (more > 0) log::warn("more_held_or_released", {{"count", more}});
    holds_ = std::move(current);
}

void HealthLog::tell_refused(Instant now, Tracker& tracker) {
    if (!refused_.due(now)) return;
    const auto refused = tracker.take_refused();
    if (!refused) return;
    refused_.spend(now);
    log::warn("frame_refused", {{"reason", refused->reason},
                                {"collector", refused->collector},
                                {"cluster", refused->cluster}});
}

}  // namespace presence::tracker
