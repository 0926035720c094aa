#include "tracker/answers/answers.hpp"

#include <algorithm>
#include <charconv>

#include "common/limits.hpp"

namespace presence::tracker {

namespace {

// Where a listing goes on: after all users of `slot` whose hash is at most `hash`. Users who stay
// online while it is paged are listed exactly once, whoever comes or goes meanwhile.
struct ListPosition {
    std::uint32_t slot = 0;
    std::optional<std::uint64_t> hash;  // nothing: from the slot's start
};

std::optional<ListPosition> parse_position(std::string_view text) {
    ListPosition at;
    if (text.empty()) return at;
    const char* const end = text.data() + text.size();
    std::uint64_t hash = 0;
    const auto dot = std::from_chars(text.data(), end, at.slot);
    if (dot.ec != std::errc{} || at.slot >= kSlots || dot.ptr == end || *dot.ptr != '.')
        return std::nullopt;
    const auto last = std::from_chars(dot.ptr + 1, end, hash, 16);
    if (last.ec != std::errc{} || last.ptr != end) return std::nullopt;
    at.hash = hash;
    return at;
}

std::string format_position(std::uint32_t slot, std::uint64_t hash) {
    char text[17];
    const auto end = std::to_chars(text, text + sizeof text, hash, 16);
    return std::to_string(slot) + "." + std::string(text, end.ptr);
}

struct Listed {
    std::uint64_t hash;
    std::string user;
};

std::vector<Listed> list_slot(const Roster& roster, Slot slot, std::optional<std::uint64_t> after,
                              WallOffset wall) {
    std::vector<Listed> users;
    roster.each_in(slot, wall, [&](const Roster::View& view) {
        if (!after || view.hash > *after) users.push_back({view.hash, std::string(view.user)});
    });
    std::sort(users.begin(), users.end(),
              [](const Listed& a, const Listed& b) { return a.hash < b.hash; });
    return users;
}

std::string_view name_of(FailureDetector::View::State state) {
    switch (state) {
        case FailureDetector::View::State::expected:
            return "expected";
        case FailureDetector::View::State::live:
            return "live";
        case FailureDetector::View::State::silent:
            return "silent";
        case FailureDetector::View::State::departed:
            return "departed";
    }
    return "unknown";
}

}  // namespace

Answer Answers::operator()(const Query& query) const {
    Answer answer;
    answer.rid = query.rid;
    answer.freshness = freshness(query);
    answer.as_of_ms = millis(wall.at(evidence.value_or(now)));
    if (answer.freshness == Freshness::stale) answer.stale_by = stats.stale_by.names();
    answer.body = std::visit([this](const auto& op) { return body(op); }, query.op);
    if (auto* const error = std::get_if<QueryError>(&answer.body)) error->rid = query.rid;
    return answer;
}

Freshness Answers::freshness(const Query& query) const {
    if (const auto* const snapshot = std::get_if<SnapshotQuery>(&query.op))
        return snapshot->slot < kSlots ? freshness_of(snapshot->slot) : stats.freshness;
    const auto* const get = std::get_if<GetQuery>(&query.op);
    if (get == nullptr || get->users.empty()) return stats.freshness;
    auto worst = Freshness::live;
    for (const auto& user : get->users)
        worst = std::max(worst, freshness_of(slot_of(hash_of(user))));
    return worst;
}

QueryError Answers::moved(Slot slot) const {
    const auto& owner = map.trackers[map.owner[slot]];
    QueryError error{
        "moved", "slot " + std::to_string(slot) + " is owned by tracker " + owner, {}, {}};
    for (const auto& tracker : options.trackers)
        if (tracker.id == owner) error.endpoint = tracker.query;
    return error;
}

std::uint64_t Answers::covers_ms(Slot slot) const {
    const auto since = failure_detector.covered_since();
    // Followers take what one slot's evidence covers for what another's does at least.
    if (!since || !evidence || feeds.missing().any()) return 0;
    const auto covered = *evidence - std::max({*since, taken[slot], feeds.complete_since()});
    return covered.count() > 0 ? static_cast<std::uint64_t>(covered.count() / 1000) : 0;
}

Answers::Body Answers::body(const GetQuery& query) const {
    GetAnswer answer;
    for (const auto& user : query.users) {
        const auto hash = hash_of(user);
        const auto slot = slot_of(hash);
        if (!owns(slot)) return moved(slot);
        UserAnswer one;
        one.user = user;
        if (const auto found = roster.find(hash, user, wall)) {
            one.state = Known::online;
            one.since_ms = found->since_ms;
            one.sessions = found->sessions;
            one.last_seen_ms = found->last_seen_ms;
            if (found->status) one.status = std::string(*found->status);
            if (found->leaves_at)
                one.leaving_ms =
                    std::max<std::int64_t>((*found->leaves_at - event_time.value_or(now)) / 1ms, 0);
            if (const auto hold = roster.hold_of(hash, user)) {
                one.held_by = "edge:" + std::string(hold->edge);
                one.held_until_ms = millis(wall.at(hold->until));
            }
        } else if (freshness_of(slot) == Freshness::live && roster.knows_all()) {
            one.state = Known::offline;
        }
        answer.users.push_back(std::move(one));
    }
    return answer;
}

Answers::Body Answers::body(const CountQuery&) const {
    return CountAnswer{roster.users(), roster.sessions()};
}

Answers::Body Answers::body(const ListQuery& query) const {
    auto at = parse_position(query.cursor);
    if (!at) return QueryError{"bad_cursor", "cursor is not one that this tracker gave", {}, {}};
    ListAnswer answer;
    std::size_t bytes = 0;
    for (auto slot = at->slot; slot < kSlots; ++slot, at->hash.reset()) {
        auto users = list_slot(roster, static_cast<Slot>(slot), at->hash, wall);
        for (std::size_t i = 0; i < users.size(); ++i) {
            bytes += users[i].user.size() + 5;
            // Users of one hash stay on one page, as the cursor cannot tell them apart.
            if (bytes > kAnswerPageBytes && i > 0 && users[i].hash != users[i - 1].hash) {
                answer.cursor = format_position(slot, users[i - 1].hash);
                return answer;
            }
            answer.users.push_back(std::move(users[i].user));
        }
        if (bytes > kAnswerPageBytes && slot + 1 < kSlots && !users.empty()) {
            answer.cursor = format_position(slot, users.back().hash);
            return answer;
        }
    }
    return answer;
}

Answers::Body Answers::body(const MapQuery&) const {
    MapAnswer answer;
    answer.version = map.version;
    for (std::size_t i = 0; i < map.trackers.size(); ++i) {
        MapAnswer::Tracker tracker{map.trackers[i], {}, {}, map.slots_of(i)};
        for (const auto& known : options.trackers)
            if (known.id == tracker.id) {
                tracker.events = known.events;
                tracker.query = known.query;
            }
        answer.trackers.push_back(std::move(tracker));
    }
    return answer;
}

Answers::Body Answers::body(const StatusQuery&) const {
    StatusAnswer answer;
    answer.tracker = options.tracker;
    answer.boot = options.boot;
    answer.version = options.version;
    std::vector<CounterValue> numbers;
    counters.append_to(numbers);
    for (const auto& [counter, value] : numbers)
        answer.numbers.emplace_back(counter->name, value);
    for (const auto& c : failure_detector.view(now)) {
        const auto lag = c.watermark ? (now - *c.watermark).count() / 1000 : -1;
        const auto list = feeds.rank_of({c.id, c.boot});
        answer.collectors.push_back({std::string(c.id), c.boot, std::string(name_of(c.state)), lag,
                                     list && list->version > 0 ? text_of(*list) : "",
                                     std::string(c.address)});
        if (!c.other) continue;
        const auto what = "collector:" + std::string(c.id);
        if (answer.shared.empty() || answer.shared.back().what != what)
            answer.shared.push_back({what, {}});
        answer.shared.back().from.emplace_back(c.address);
    }
    answer.holds = holds();
    answer.list = text_of(feeds.rank());
    return answer;
}

Answers::Body Answers::body(const ReplayQuery&) const {
    return QueryError{"too_old", "this tracker keeps no journal: compare snapshots", {}, {}};
}

Answers::Body Answers::body(const SnapshotQuery& query) const {
    if (!owns(query.slot)) return moved(query.slot);
    if (!query.cursor.empty()) {
        if (auto page = snapshots.page(query.slot, query.cursor)) return *std::move(page);
        return QueryError{"bad_cursor", "snapshot is no longer kept; ask for a new one", {}, {}};
    }
    SnapshotAnswer answer;
    answer.list = text_of(feeds.rank());
    whole(query.slot, answer);
    return snapshots.take(std::move(answer), now);
}

void Answers::whole(Slot slot, SnapshotAnswer& answer) const {
    const auto& stream = publisher.stream(slot);
    answer.slot = slot;
    answer.epoch = stream.epoch;
    answer.seq = stream.seq;
    answer.boot = options.boot;
    answer.batch = publisher.batches();
    answer.covers_ms = covers_ms(slot);
    std::size_t count = 0;
    roster.each_in(slot, wall, [&](const Roster::View& view) {
        auto& user =
            count < answer.users.size() ? answer.users[count] : answer.users.emplace_back();
        ++count;
        user.user = view.user;
        user.since_ms = view.since_ms;
        user.last_seen_ms = view.last_seen_ms;
        user.ttl_ms = view.ttl_ms;
        user.status = view.status;
    });
    answer.users.resize(count);
}

}  // namespace presence::tracker
