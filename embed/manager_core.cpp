#include "embed/manager_core.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>

#include "common/check.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"

namespace presence::embed {
namespace {

// Users are looked at in portions of this size, which bounds the scratch.
constexpr std::size_t kExpiredAtOnce = 4096;

bool within_limits(std::chrono::milliseconds ttl) {
    return ttl.count() >= kTtlMinMs && ttl.count() <= kTtlMaxMs;
}

std::uint32_t checked(std::chrono::milliseconds timeout) {
    if (!within_limits(timeout))
        throw std::invalid_argument("OnlineConfig::timeout: " + std::to_string(timeout.count()) +
                                    " ms is not within 1 s..24 h");
    return static_cast<std::uint32_t>(timeout.count());
}

// renew_all() gives the whole ttl however long users were silent: the roster is to bound nothing.
constexpr Duration kEver = 24h * 36'500;

}  // namespace

ManagerCore::ManagerCore(const Options& options)
    : timeout_ms_(checked(options.timeout)),
      grain_(options.grain),
      roster_({.users_max = options.users_max, .hold_max = kEver}, Instant{}) {}

void ManagerCore::pass(Passed time) {
    now_ += Duration(time.us);
    apply();
    if (now_ >= next_due_) expire();
}

void ManagerCore::renew_all(Passed time) {
    now_ += Duration(time.us);
    apply();
    roster_.lift(now_ + grain_);
}

Seen ManagerCore::seen(std::string_view id, const Beat& how) {
    if (check_text(id, kUserBytesMax) != TextFault::none) return Seen::bad_id;
    if (!how.session.empty() && check_text(how.session, kNameBytesMax) != TextFault::none)
        return Seen::bad_session;
    auto ttl_ms = timeout_ms_;
    if (how.ttl.count() != 0) {
        if (!within_limits(how.ttl)) return Seen::bad_ttl;
        ttl_ms = static_cast<std::uint32_t>(how.ttl.count());
    }
    PRESENCE_CHECK(!full(), "no more heartbeats can wait");
    auto& beat = waiting_[waiting_count_++];
    beat.user = keep(id);
    beat.session = how.session.empty() ? std::string_view() : keep(how.session);
    beat.hash = hash_of(beat.user);
    roster_.prefetch(beat.hash);
    beat.ttl_ms = ttl_ms;
    return Seen::yes;
}

std::string_view ManagerCore::keep(std::string_view text) {
    char* const begin = texts_.data() + texts_used_;
    texts_used_ += text.copy(begin, text.size());
    return {begin, text.size()};
}

void ManagerCore::apply() {
    if (waiting_count_ == 0) return;
    const std::span group(waiting_.data(), waiting_count_);
    const auto at = std::chrono::ceil<std::chrono::milliseconds>(now_ + grain_);
    for (auto& beat : group) {
        beat.at = at;
        next_due_ = std::min<Instant>(next_due_, at + std::chrono::milliseconds(beat.ttl_ms));
    }
    roster_.apply(group, {}, events_);
    waiting_count_ = texts_used_ = 0;
    queue_events();
}

// One millisecond after the other, so that the deadlines' order holds however late we are asked.
// The roster ends what lies *before* the time it is given; ours ends what lies at it.
void ManagerCore::expire() {
    while (next_due_ <= now_) {
        const auto step = next_due_ + 1ms;
        for (bool more = true; more;) {
            more = roster_.expire(step, {}, kExpiredAtOnce, events_);
            queue_events();
        }
        next_due_ = std::max<Instant>(roster_.next_deadline().value_or(kNever), step);
    }
}

void ManagerCore::queue_events() {
    // That a ttl grew is for those who remember users: nobody came.
    for (const auto& event : events_)
        if (event.reason != name_of(Reason::ttl))
            untold_.push(event.state == State::online, event.user);
    events_.clear();
}

bool ManagerCore::leave(std::string_view id, const Leave& how) {
    PRESENCE_CHECK(waiting() == 0, "a leave must not overtake heartbeats");
    if (how.linger.count() > 0) {
        // In whole ms, as heartbeats.
        const auto at = std::chrono::ceil<std::chrono::milliseconds>(now_ + grain_);
        const auto linger =
            std::min<std::chrono::milliseconds>(how.linger, 24h);  // no ttl is longer
        next_due_ = std::min<Instant>(next_due_, at + linger);
        return roster_.linger(hash_of(id), id, how.session, at, linger);
    }
    const bool ended = roster_.end(hash_of(id), id, how.session, now_, {}, events_);
    queue_events();
    return ended;
}

void ManagerCore::leave_all() {
    PRESENCE_CHECK(waiting() == 0, "a leave must not overtake heartbeats");
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        roster_.each_in(static_cast<Slot>(slot), {},
                        [&](const tracker::Roster::View& v) { untold_.push(false, v.user); });
        roster_.drop(static_cast<Slot>(slot));
    }
    next_due_ = kNever;
}

std::optional<Instant> ManagerCore::next_due() const {
    if (next_due_ == kNever) return std::nullopt;
    return next_due_;
}

bool ManagerCore::is_online(std::string_view id) const {
    return roster_.find(hash_of(id), id, {}).has_value();
}

LeftOut ManagerCore::left_out() const {
    const auto& counters = roster_.counters();
    PRESENCE_CHECK(counters["malformed"] + counters["stale"] + counters["after_bye"] == 0,
                   "seen() let a bad heartbeat through");
    return {.users = counters["users_limit"], .sessions = counters["sessions_limit"]};
}

void ManagerCore::online_ids(std::uint32_t share, std::vector<std::string>& ids) const {
    ids.clear();
    roster_.each_in(static_cast<Slot>(share), {},
                    [&](const tracker::Roster::View& v) { ids.emplace_back(v.user); });
}

}  // namespace presence::embed
