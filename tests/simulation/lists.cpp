#include "tests/simulation/lists.hpp"

#include <algorithm>

namespace presence::simulation {
namespace {

using Members = std::vector<std::size_t>;

// Frames and acknowledgements have gone both ways.
constexpr Time kHeardWithin = 300 * kMillisecond;

SlotMap map_of(std::uint64_t version, const Members& members) {
    std::vector<std::string> ids;
    for (const auto t : members)
        ids.push_back(tracker_name(t));
    return SlotMap::rendezvous(version, std::move(ids));
}

bool contains(const Members& members, std::size_t tracker) {
    return std::find(members.begin(), members.end(), tracker) != members.end();
}

// One more or one less; never none. One of `since` stays: a collector that goes by a list without
// any tracker of the present one is heard by nobody who could tell (docs/reliability.md).
Members changed(Random& random, const Members& before, std::size_t trackers, const Members& since) {
    auto after = before;
    const bool grows = before.size() == 1 || (before.size() < trackers && random.percent(50));
    if (!grows) {
        auto gone = random.below(after.size());
        const auto common = std::count_if(after.begin(), after.end(),
                                          [&](auto tracker) { return contains(since, tracker); });
        if (common == 1 && contains(since, after[gone])) gone = (gone + 1) % after.size();
        after.erase(after.begin() + static_cast<std::ptrdiff_t>(gone));
        return after;
    }
    std::size_t tracker = random.below(trackers);
    while (contains(before, tracker))
        tracker = (tracker + 1) % trackers;
    after.push_back(tracker);
    std::sort(after.begin(), after.end());
    return after;
}

// Who takes it, and when: between `fault`'s begin and end, each at a time of its own, and after the
// list before.
ListChange roll_out(Random& random, const Shape& shape, PlannedFault& fault,
                    const std::vector<ListChange>& earlier) {
    ListChange change;
    const auto all = [&](Place place, std::size_t count) {
        for (std::size_t which = 0; which < count; ++which) {
            auto at = random.between(fault.begin, fault.end);
            for (const auto& other : earlier)
                at = std::max(at, other.reloads[change.reloads.size()].at + kMillisecond);
            fault.end = std::max(fault.end, at);
            change.reloads.push_back({place, which, at, 0});
        }
    };
    all(Place::collector, shape.collectors);
    all(Place::tracker, shape.trackers);
    all(Place::notifier, shape.notifiers);
    return change;
}

}  // namespace

Lists Lists::draw(Random random, Shape& shape, std::vector<PlannedFault>& faults, bool may_change) {
    Members members;
    for (std::size_t t = 0; t < shape.trackers; ++t)
        members.push_back(t);
    Lists lists{map_of(1, members), {}, std::vector<Time>(shape.trackers)};
    if (!may_change || shape.trackers < 2 || !random.percent(20)) return lists;
    shape.lists_change = true;
    if (random.percent(60)) std::erase_if(faults, is_of_evidence);
    if (random.percent(50)) members = changed(random, members, shape.trackers, members);
    lists.first = map_of(1, members);
    // Days apart: whoever takes a slot has to begin above the epochs of a machine that is ahead.
    for (auto& wall : lists.walls)
        wall = random.between(-48 * 3600, 48 * 3600) * kSecond;

    const bool twice = random.percent(40);
    const bool quarrel = twice && random.percent(30);
    // Two lists of one version are the failure: one more at a time is not promised, nor that no
    // tracker which only followers know has a clock that is ahead.
    if (quarrel) lists.walls.assign(shape.trackers, 0);
    if (quarrel) std::erase_if(faults, is_of_evidence);
    const auto running = shape.collectors - shape.twin_of.has_value();  // a twin is such a fault
    const auto first = members;
    Time met_by = 0;
    Time from = shape.faults_begin;
    for (std::uint64_t version = 2; version <= (twice ? 3u : 2u); ++version) {
        PlannedFault fault;
        fault.fault = Fault::reload;
        fault.place = Place::tracker;
        const Time room = shape.faults_end - from;
        const Time length =
            random.percent(50) ? random.between(0, room / 4) : random.between(room / 4, room);
        fault.begin = random.between(from, shape.faults_end - length);
        fault.end = fault.begin + length;
        auto change = roll_out(random, shape, fault, lists.changes);
        faults.push_back(fault);
        const auto before = members;
        members = changed(random, before, shape.trackers, first);
        // Of a tracker that comes and goes again not only notifiers are to hear.
        if (std::any_of(before.begin(), before.end(), [&](auto tracker) {
                return !contains(first, tracker) && !contains(members, tracker);
            }))
            for (auto& reload : change.reloads) {
                reload.at = std::max(reload.at, met_by);
                faults.back().end = std::max(faults.back().end, reload.at);
            }
        change.maps.push_back(map_of(version, members));
        if (quarrel && version == 2) {
            // Another one of the same version, at some of those who stay. Notifiers have the one
            // that changes something, as they compare only when they start with other trackers; and
            // so have all collectors but one: a tracker that none knows is known to followers
            // alone.
            change.maps.push_back(map_of(version, before));
            for (auto& reload : change.reloads) {
                const bool stays = contains(before, reload.which) || reload.place != Place::tracker;
                const auto map = stays ? random.below(2) : 0;
                const bool all =
                    reload.place == Place::notifier ||
                    (reload.place == Place::collector && (reload.which > 0 || running == 1));
                if (!all) reload.map = map;
            }
        }
        change.number = faults.size() - 1;
        lists.changes.push_back(std::move(change));
        from = fault.begin;
        met_by = fault.end + kHeardWithin;
    }
    // They quarrel until the list of a higher version is everywhere.
    if (quarrel) faults[lists.changes.front().number].end = faults.back().end;
    return lists;
}

}  // namespace presence::simulation
