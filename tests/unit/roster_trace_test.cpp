// Any trace of heartbeats, byes, lifts and time against a model that shares no code with the
// roster.
#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "tests/support/roster_model.hpp"

using namespace presence;
using namespace presence::tracker;
using presence::testing::RosterModel;

namespace {

const std::vector<std::string> kUsers{
    "a", "user-16-bytes-id", "exactly-20-bytes-id.", "an id that is longer than twenty bytes", "e",
    "f"};
const std::vector<std::string> kEdges{"", "edge-1", "another edge", "e3"};
const std::vector<std::string> kStatuses{"", "away", "busy", std::string(64, 's')};
const std::vector<std::uint32_t> kTtls{1'000, 1'500, 5'000, 30'000, kTtlMaxMs};
const std::vector<std::uint32_t> kLingers{0, 0, 700, 6'000, kLingerMaxMs};

// Beyond the first, an edge for each session there is room for, and some more.
constexpr unsigned kEdgesMany = 20;
std::string edge_name(std::size_t i) {
    return i < kEdges.size() ? kEdges[i] : "edge " + std::to_string(i);
}

std::string session_name(unsigned i) {
    if (i < 8) return "";
    return i < 18 ? "s" + std::to_string(i) : std::string(40, static_cast<char>('a' + i % 20));
}

// What happens next; each number is taken modulo what there is to choose from.
struct Step {
    unsigned kind, user, session, edge, status, ttl, age, wait;
};
void showValue(const Step& s, std::ostream& os) {
    os << "{" << s.kind << "," << s.user << "," << s.session << "," << s.edge << "," << s.status
       << "," << s.ttl << "," << s.age << "," << s.wait << "}";
}

std::vector<Event> by_user(std::vector<Event> events) {
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.user < b.user; });
    return events;
}

// Both at once, compared after each step.
class Trace {
public:
    Trace(Instant origin, Instant start, std::uint64_t users_max, std::size_t edges)
        : edges_(edges),
          roster_(options_of(users_max), origin),
          model_(options_of(users_max), origin),
          now_(start),
          event_time_(start) {}

    void take(const Step& step) {
        wall_.since_epoch_at_zero += Duration(step.wait % 3'000);
        if (step.kind < 60) {
            beat(step, step.kind >= 50);
        } else if (step.kind < 65) {
            flush();
            const auto edge = edge_name(step.edge % edges_);
            roster_.on_lease(edge, now_);
            model_.lease(edge, now_);
        } else if (step.kind < 80) {
            flush();
            now_ += Duration(step.wait) * 500;
            if (step.kind == 79) {
                now_ += 3 * 24h;
                expire(now_ - 1s, 1 + step.user % 4);
            }
        } else if (step.kind < 96) {
            flush();
            expire(std::max(event_time_, now_ - Duration(step.age) * 300), 1 + step.user % 4);
        } else if (step.kind == 96 && step.wait % 3 == 0) {
            flush();
            const auto before = std::exchange(now_, now_ + Duration(step.wait) * 500);
            roster_.on_stop(before, now_);
            model_.on_stop(before, now_);
        } else if (step.kind == 96 && step.wait % 3 == 1) {
            flush();
            roster_.run_on(step.wait % 2 == 0, now_);
            model_.run_on(step.wait % 2 == 0, now_);
        } else if (step.kind < 98) {
            flush();
            roster_.lift(now_);
            model_.lift(now_);
        } else {
            flush();
            take_rare(step);
        }
        compare();
    }
    void end() {
        flush();
        expire(now_ + 48h, 1);
        compare();
        RC_ASSERT(roster_.users() == 0u);
        RC_ASSERT(!roster_.next_deadline().has_value());
    }

private:
    // Small, so that a trace meets each bound; no pacing, whose order is the roster's own.
    static Roster::Options options_of(std::uint64_t users_max) {
        return {.users_max = users_max,
                .edge_timeout = 2s,
                .edge_grace = 5s,
                .hold_max = 20s,
                .edge_lost_rate = 1'000'000'000};
    }
    void take_rare(const Step& step) {
        const auto& user = kUsers[step.user % kUsers.size()];
        if (step.kind == 98) {
            Roster::Held held{user, step.age, now_ - Duration(step.age % 7 * 1'000'000), 0, {}};
            held.ttl_ms = kTtls[step.ttl % kTtls.size()];
            if (step.status % 2 == 0) held.status = kStatuses[step.status / 2 % kStatuses.size()];
            roster_.restore(held);
            model_.restore(held);
        } else if (step.wait % 3 == 0) {
            roster_.drop(slot_of(hash_of(user)));
            model_.drop(slot_of(hash_of(user)));
        } else if (step.wait % 3 == 1) {
            roster_.forget(user);
            model_.forget(user);
        } else {
            std::vector<Event> told, expected;
            roster_.end_all(Reason::shutdown, step.age, wall_, told);
            model_.end_all("shutdown", step.age, wall_, expected);
            RC_ASSERT(by_user(told) == by_user(expected));
        }
    }
    void beat(const Step& step, bool bye) {
        names_.push_back(session_name(step.session % 40));
        Beat b;
        b.user = kUsers[step.user % kUsers.size()];
        b.hash = hash_of(b.user);
        b.session = names_.back();
        names_.push_back(edge_name(step.edge % edges_));
        b.edge = names_.back();
        if (step.status % 3 == 0) b.status = kStatuses[step.status / 3 % kStatuses.size()];
        b.ttl_ms = bye ? kLingers[step.ttl % kLingers.size()] : kTtls[step.ttl % kTtls.size()];
        b.at = now_ - Duration(step.age % 7 * 1'000'000 / 2 + step.wait % 2);
        b.bye = bye;
        if (step.wait % 3 == 0) b.read = now_;
        beats_.push_back(b);
        if (beats_.size() >= 1 + step.wait % 40) flush();
    }
    // Several heartbeats at once, as they come in frames.
    void flush() {
        std::vector<Event> told, expected;
        roster_.apply(beats_, wall_, told);
        for (const auto& b : beats_)
            model_.apply(b, wall_, expected);
        beats_.clear();
        names_.clear();
        RC_ASSERT(told == expected);
    }
    void expire(Instant event_time, std::size_t limit) {
        event_time_ = event_time;
        std::vector<Event> told, expected;
        for (bool more = true; more;) {
            const auto before = told.size();
            more = roster_.expire(event_time, wall_, limit, told);
            RC_ASSERT(told.size() - before <= limit);
            for (auto i = before + 1; i < told.size(); ++i)
                RC_ASSERT(told[i - 1].at_ms <= told[i].at_ms);
        }
        model_.expire(event_time, wall_, expected);
        RC_ASSERT(by_user(told) == by_user(expected));
    }
    void compare() {
        roster_.check();
        if (!beats_.empty()) return;
        RC_ASSERT(roster_.users() == model_.users());
        RC_ASSERT(roster_.sessions() == model_.sessions());
        for (const auto& id : kUsers) {
            const auto v = roster_.find(hash_of(id), id, wall_);
            std::optional<RosterModel::View> seen;
            if (v)
                seen = {v->since_ms, v->last_seen_ms, v->ttl_ms, v->sessions,
                        std::string(v->status.value_or(""))};
            RC_ASSERT(bool(seen == model_.find(id, wall_)));
        }
        const auto next = roster_.next_deadline();
        const auto truth = model_.next_deadline();
        RC_ASSERT(next.has_value() == truth.has_value());
        RC_ASSERT(!next || *next <= *truth);
        const auto& a = roster_.counters();
        const auto& b = model_.counters;
        RC_ASSERT(a["stale"] == b["stale"]);
        RC_ASSERT(a["after_bye"] == b["after_bye"]);
        RC_ASSERT(a["users_limit"] == b["users_limit"]);
        RC_ASSERT(a["sessions_limit"] == b["sessions_limit"]);
    }

    std::size_t edges_;
    Roster roster_;
    RosterModel model_;
    Instant now_, event_time_;
    WallOffset wall_{Duration(1'700'000'000'000'123)};
    std::vector<Beat> beats_;
    std::deque<std::string> names_;
};

rc::Gen<std::vector<Step>> any_steps() {
    const auto below = [](unsigned n) { return rc::gen::inRange(0u, n); };
    const auto step = rc::gen::build<Step>(
        rc::gen::set(&Step::kind, below(100)), rc::gen::set(&Step::user, below(1'000)),
        rc::gen::set(&Step::session, below(1'000)), rc::gen::set(&Step::edge, below(1'000)),
        rc::gen::set(&Step::status, below(1'000)), rc::gen::set(&Step::ttl, below(1'000)),
        rc::gen::set(&Step::age, below(10'000)), rc::gen::set(&Step::wait, below(10'000)));
    return rc::gen::scale(5, rc::gen::container<std::vector<Step>>(step));
}

void run(const std::vector<Step>& steps, std::int64_t start_ms, std::uint64_t users_max,
         std::size_t edges = kEdges.size()) {
    const Instant origin{Duration(777)};
    Trace trace(origin, origin + std::chrono::milliseconds(start_ms), users_max, edges);
    for (const auto& step : steps)
        trace.take(step);
    trace.end();
}

}  // namespace

TEST_CASE("any trace gives the model's events and views", "[roster]") {
    rc::prop("many users, kinds of sessions and times", [] {
        run(*any_steps(), *rc::gen::element<std::int64_t>(0, 100'000'000),
            *rc::gen::element<unsigned>(4, 100));
    });
}

TEST_CASE("the trace's times may pass the wrap of their 32 bits", "[roster]") {
    rc::prop("near 2^32 ms and near the window's edge", [] {
        run(*any_steps(),
            *rc::gen::element<std::int64_t>((1ll << 32) - 20'000, (1ll << 29) - 20'000,
                                            (1ll << 31) - 20'000),
            100);
    });
}

TEST_CASE("one user with many sessions", "[roster]") {
    rc::prop("names and statuses of all lengths", [] {
        auto steps = *any_steps();
        for (auto& step : steps)
            step.user = 3, step.edge %= 2, step.kind = step.kind >= 60 ? step.kind : step.kind % 55;
        run(steps, 0, 100);
    });
}

TEST_CASE("one user with more sessions than there is room for, on few edges and on many",
          "[roster]") {
    rc::prop("most beat, some fall silent or say bye", [] {
        auto steps = *any_steps();
        for (auto& step : steps) {
            step.user = 3;
            if (step.kind >= 60 && step.kind % 8 != 0) step.kind %= 55;
        }
        run(steps, 0, 100, *rc::gen::element<std::size_t>(2, kEdges.size(), kEdgesMany));
    });
}
