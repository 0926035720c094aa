// A roster's invariants, walked.
#include <map>

#include "common/check.hpp"
#include "common/limits.hpp"
#include "tracker/roster/roster_impl.hpp"

namespace presence::tracker {

void Roster::Impl::check() const {
    deadlines.check();
    std::uint64_t users = 0, sessions = 0;
    std::map<EdgeIndex, std::uint32_t> references;
    const auto check_user = [&](Slot slot, UserNumber user) {
        const auto& record = records[user];
        PRESENCE_CHECK(record.living(), "the table names a free record");
        const auto hash = hash_of(record.id());
        PRESENCE_CHECK(slot_of(hash) == slot, "a user stands in another's slot");
        PRESENCE_CHECK(find(hash, record.id()) == user, "a user is not found, or is there twice");
        const auto set = deadlines.of(user);
        PRESENCE_CHECK(set, "a living user has no deadline");
        auto first = std::numeric_limits<Tick>::max();
        auto newest = std::numeric_limits<Tick>::min();
        const auto floor = lifted_to(hash);
        const auto look = [&](const auto& held) {
            // Of one whose own deadline has passed it is the lease that says when.
            const auto end = life(held, floor).end();
            if (end >= event_time) first = std::min(first, end);
            if (!has_left(held)) newest = std::max(newest, window.widen(held.read));
            ++references[held.edge];
            ++sessions;
        };
        if (record.single()) look(record);
        const auto stay = staying(record);
        PRESENCE_CHECK(stay <= kSessionsPerUserMax, "too many sessions");
        PRESENCE_CHECK(record.sessions.count() - stay <= kSessionsPerUserMax, "too many left");
        for (auto* s = record.sessions.begin(); s != record.sessions.end();
             s = SessionList::next(s)) {
            look(*s);
            PRESENCE_CHECK(record.sessions.find(s->edge, s->name()) == s, "a session twice");
        }
        PRESENCE_CHECK(window.widen(*set) <= first, "a deadline column is late");
        PRESENCE_CHECK(newest <= window.widen(record.read), "a session is newer than its user");
        ++users;
    };
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        const auto before = users;
        const auto s = static_cast<Slot>(slot);
        table.each_in(s, [&](UserNumber user) { check_user(s, user); });
        PRESENCE_CHECK(users - before == table.count(s), "a table counts wrongly");
    }
    PRESENCE_CHECK(users == records.living(), "a record is not in the table");
    PRESENCE_CHECK(sessions == session_count, "sessions are counted wrongly");
    std::size_t named = 0;
    for (const auto& [edge, count] : references) {
        PRESENCE_CHECK(edges.references(edge) == count, "an edge's references are counted wrongly");
        named += is_named(edge);
    }
    PRESENCE_CHECK(edges.living() == named, "an edge lives without a session");
}

}  // namespace presence::tracker
