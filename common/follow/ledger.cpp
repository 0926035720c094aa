#include "common/follow/ledger.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "common/bugs.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"

namespace presence {

namespace {

Told told_of(const Event& event) {
    return {event.status, event.since_ms.value_or(event.at_ms),
            event.last_seen_ms.value_or(event.at_ms), event.ttl_ms, false};
}

}  // namespace

Change gap_notice(const std::string& tracker, std::int64_t at_ms) {
    Change notice;
    notice.event.reason = "gap";
    notice.event.status = tracker;
    notice.event.at_ms = at_ms;
    return notice;
}

bool Ledger::acceptable(std::string_view user, const std::optional<std::string>& status) const {
    return check_text(user, kUserBytesMax) == TextFault::none && slot_of(hash_of(user)) == slot_ &&
           (!status || check_text(*status, kNameBytesMax) == TextFault::none);
}

void Ledger::apply(const SlotEvents& run, HandedOut& out) {
    if (run.epoch == 0 || run.epoch >= kPositionMax || run.first_seq == 0 ||
        run.first_seq >= kPositionMax || run.events.empty()) {
        ++out.counters["refused"];
        return;
    }
    if (run.epoch < position_.epoch && !bug(Bug::old_run_accepted)) {
        ++out.counters["out_of_date"];
        return;
    }
    for (const auto& event : run.events) {
        const Position at{event.epoch, event.seq};
        if (at <= position_ && !bug(Bug::old_run_accepted)) {
            ++out.counters["duplicates"];
            continue;
        }
        position_ = at;
        if (!event.user.starts_with(out.user_prefix)) continue;
        if (!acceptable(event.user, event.status))
            ++out.counters["refused"];
        else if (event.state == State::online)
            apply_online(event, out);
        else
            apply_offline(event, out);
    }
}

void Ledger::hand_out(Event event, bool told, const Told* before, HandedOut& out) {
    Change change{std::move(event), told, before != nullptr, {}};
    if (before != nullptr) change.was_status = before->status;
    out.changes.push_back(std::move(change));
    if (told) ++out.counters["events"];
}

void Ledger::apply_online(const Event& event, HandedOut& out) {
    const auto known = users_.find(event.user);
    // A user's ttl grew, or a tracker that began anew tells everyone online once more.
    const bool news = known == users_.end() || known->second.status != event.status;
    const auto before = known == users_.end() ? Told{} : known->second;
    const bool was = known != users_.end();
    if (!put(event.user, told_of(event), out)) return;
    hand_out(event, news, was ? &before : nullptr, out);
    if (!news) ++out.counters["duplicates"];
}

void Ledger::apply_offline(const Event& event, HandedOut& out) {
    const auto known = users_.find(event.user);
    if (known == users_.end()) {
        ++out.counters["duplicates"];
        return;
    }
    hand_out(event, true, &known->second, out);
    erase(known, out);
}

// Adds or replaces. False, and counted, if there are too many.
bool Ledger::put(const std::string& user, Told told, HandedOut& out) {
    auto known = users_.find(user);
    if (known == users_.end()) {
        if (out.users >= out.users_max) {
            ++out.counters["users_limit"];
            return false;
        }
        known = users_.emplace(user, Told{}).first;
        ++out.users;
    }
    doubt(known->second, false, out);
    known->second = std::move(told);
    return true;
}

Ledger::Users::iterator Ledger::erase(Users::iterator known, HandedOut& out) {
    doubt(known->second, false, out);
    --out.users;
    return users_.erase(known);
}

void Ledger::doubt(Told& told, bool doubted, HandedOut& out) {
    if (std::exchange(told.doubted, doubted) == doubted) return;
    doubted_ += doubted ? 1 : -1ull;
    out.doubted += doubted ? 1 : -1ull;
}

Event Ledger::difference(const std::string& user, const Told& told, State state,
                         const Evidence& evidence) const {
    Event event;
    event.user = user;
    event.state = state;
    event.reason = name_of(Reason::reconcile);
    event.at_ms = evidence.now_ms;
    event.since_ms = told.since_ms;
    event.last_seen_ms = told.last_seen_ms;
    event.ttl_ms = told.ttl_ms;
    if (state == State::online) event.status = told.status;
    event.freshness = evidence.freshness;
    event.slot = slot_;
    event.epoch = position_.epoch;
    event.seq = position_.seq;
    event.reconciled = true;
    return event;
}

bool Ledger::compare(const SnapshotAnswer& snapshot, const Evidence& evidence, HandedOut& out) {
    if (snapshot.epoch < position_.epoch) {
        ++out.counters["out_of_date"];
        return false;
    }
    position_ = std::max(position_, {snapshot.epoch, snapshot.seq});
    std::unordered_set<std::string_view, SecretHash> present;
    present.reserve(snapshot.users.size());
    for (const auto& user : snapshot.users) {
        if (!user.user.starts_with(out.user_prefix)) continue;
        if (!acceptable(user.user, user.status)) {
            ++out.counters["refused"];
            continue;
        }
        present.insert(user.user);
        compare_present(user, evidence, out);
    }
    for (auto& [user, told] : users_)
        if (!present.contains(user)) doubt(told, true, out);
    conclude(evidence, out);
    return true;
}

void Ledger::compare_present(const SnapshotAnswer::User& user, const Evidence& evidence,
                             HandedOut& out) {
    const auto known = users_.find(user.user);
    const bool came = known == users_.end();
    const auto before = came ? Told{} : known->second;
    const bool news = came || before.status != user.status;
    Told told{user.status, user.since_ms, user.last_seen_ms, user.ttl_ms, false};
    auto event = difference(user.user, told, State::online, evidence);
    if (came) event.at_ms = user.since_ms;
    if (!put(user.user, std::move(told), out)) return;
    if (!news && before.ttl_ms == user.ttl_ms && before.since_ms == user.since_ms) return;
    hand_out(std::move(event), news, came ? nullptr : &before, out);
    if (news) ++out.counters["reconciled"];
}

void Ledger::conclude(const Evidence& evidence, HandedOut& out) {
    for (auto known = users_.begin(); known != users_.end() && doubted_ > 0;) {
        const auto& [user, told] = *known;
        const bool covered = told.ttl_ms <= evidence.covers_ms || bug(Bug::evidence_ignored);
        if (!told.doubted || !covered) {
            ++known;
            continue;
        }
        hand_out(difference(user, told, State::offline, evidence), true, &told, out);
        ++out.counters["reconciled"];
        known = erase(known, out);
    }
}

std::uint32_t Ledger::uncovered_ms(std::uint64_t covers_ms) const {
    if (doubted_ == 0) return 0;
    std::uint32_t least = 0;
    for (const auto& [user, told] : users_) {
        if (!told.doubted || told.ttl_ms <= covers_ms) continue;
        const auto missing = static_cast<std::uint32_t>(told.ttl_ms - covers_ms);
        least = least == 0 ? missing : std::min(least, missing);
    }
    return least;
}

const Told* Ledger::find(std::string_view user) const {
    const auto known = users_.find(user);
    return known == users_.end() ? nullptr : &known->second;
}

void Ledger::each(const std::function<void(const std::string& user, const Told&)>& fn) const {
    for (const auto& [user, told] : users_)
        fn(user, told);
}

void Ledger::redo(const Event& event, HandedOut& out) {
    position_ = std::max(position_, {event.epoch, event.seq});
    if (event.state == State::online) {
        put(event.user, told_of(event), out);
    } else if (const auto known = users_.find(event.user); known != users_.end()) {
        erase(known, out);
    }
}

void Ledger::restore(Position position, std::vector<std::pair<std::string, Told>> users,
                     HandedOut& out) {
    position_ = position;
    for (auto& [user, told] : users) {
        told.doubted = false;
        put(user, std::move(told), out);
    }
}

}  // namespace presence
