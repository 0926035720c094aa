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

}  // namespace

ManagerCore::ManagerCore(const Options& options)
    : timeout_ms_(checked(options.timeout)),
      grain_(options.grain),
      roster_({.users_max = options.users_max}, Instant{}),
      texts_(kGroup * kTextBytes) {
    static_assert(kTextBytes == kUserBytesMax + kNameBytesMax);
    waiting_.reserve(kGroup);
}

void ManagerCore::pass(Passed time) {
    now_ += Duration(time.us);
    if (now_ >= next_due_) expire();
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
    char* text = &texts_[waiting_.size() * kTextBytes];
    auto& beat = waiting_.emplace_back();
    beat.user = {text, id.copy(text, id.size())};
    if (!how.session.empty())
        beat.session = {text + id.size(), how.session.copy(text + id.size(), how.session.size())};
    beat.hash = hash_of(beat.user);
    beat.ttl_ms = ttl_ms;
    beat.at = std::chrono::ceil<std::chrono::milliseconds>(now_ + grain_);
    next_due_ = std::min(next_due_, beat.at + std::chrono::milliseconds(ttl_ms));
    if (waiting_.size() == kGroup) apply();
    return Seen::yes;
}

void ManagerCore::apply() {
    if (waiting_.empty()) return;
    roster_.apply(waiting_, {}, events_);
    waiting_.clear();
    queue_events();
}

// One millisecond after the other, so that the deadlines' order holds however late we are asked.
// The roster ends what lies *before* the time it is given; ours ends what lies at it.
void ManagerCore::expire() {
    apply();
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
    for (const auto& event : events_)
        untold_.push(event.state == State::online, event.user);
    events_.clear();
}

bool ManagerCore::leave(std::string_view id, std::optional<std::string_view> session) {
    apply();
    const bool ended = roster_.end(hash_of(id), id, session, now_, {}, events_);
    queue_events();
    return ended;
}

void ManagerCore::leave_all() {
    apply();
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        roster_.each_in(static_cast<Slot>(slot), {},
                        [&](const tracker::Roster::View& v) { untold_.push(false, v.user); });
        roster_.drop(static_cast<Slot>(slot));
    }
    next_due_ = kNever;
}

void ManagerCore::renew_all(Passed time) {
    apply();
    now_ += Duration(time.us);
    roster_.lift(now_ + grain_);
}

std::optional<Transition> ManagerCore::pop() {
    return untold_.pop();
}

std::optional<Instant> ManagerCore::next_due() const {
    if (next_due_ == kNever) return std::nullopt;
    return next_due_;
}

bool ManagerCore::is_online(std::string_view id) {
    apply();
    return roster_.find(hash_of(id), id, {}).has_value();
}

std::size_t ManagerCore::online_count() {
    apply();
    return roster_.users();
}

LeftOut ManagerCore::left_out() {
    apply();
    const auto& stats = roster_.stats();
    PRESENCE_CHECK(stats.malformed + stats.stale + stats.after_bye == 0,
                   "seen() let a bad heartbeat through");
    return {.users = stats.users_limit, .sessions = stats.sessions_limit};
}

void ManagerCore::online_ids(std::uint32_t share, std::vector<std::string>& ids) {
    apply();
    ids.clear();
    roster_.each_in(static_cast<Slot>(share), {},
                    [&](const tracker::Roster::View& v) { ids.emplace_back(v.user); });
}

}  // namespace presence::embed
