// Any trace of calls against models that share no code with the library: what is told, and in which
// order.
#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "embed/manager_core.hpp"
#include "tests/support/embed_model.hpp"

using namespace presence;
using embed::ManagerCore;
using embed::Passed;
using testing::Expected;
using testing::LibraryModel;
using testing::OriginalModel;

namespace {

template <class Signed>
concept MakesPassed = requires(Signed us) {
    Passed{us};
};
static_assert(!MakesPassed<int> && !MakesPassed<std::int64_t> && MakesPassed<std::uint64_t>,
              "time that passed cannot be negative");

using Told = std::vector<std::pair<bool, std::string>>;

// What was told, where `expected` allows any order put into its order.
void require_same(Told told, std::vector<Expected> expected) {
    RC_ASSERT(told.size() == expected.size());
    for (std::size_t begin = 0, end = 0; begin < expected.size(); begin = end) {
        while (end < expected.size() && expected[end].tie == expected[begin].tie)
            ++end;
        const auto at = [](auto& list, std::size_t i) {
            return list.begin() + static_cast<std::ptrdiff_t>(i);
        };
        std::sort(at(told, begin), at(told, end));
        std::sort(at(expected, begin), at(expected, end),
                  [](const Expected& a, const Expected& b) { return a.id < b.id; });
    }
    for (std::size_t i = 0; i < told.size(); ++i) {
        RC_ASSERT(told[i].second == expected[i].id);
        RC_ASSERT(told[i].first == expected[i].online);
    }
}

void tell(ManagerCore& core, Told& told, std::size_t most) {
    for (; most > 0; --most) {
        auto t = core.pop();
        if (!t) return;
        told.emplace_back(t->online, t->id);
    }
}

const std::vector<std::string> kUsers{"a",
                                      "user-16-bytes-id",
                                      "exactly-20-bytes-id.",
                                      "an id that is longer than twenty bytes",
                                      "é",
                                      "f",
                                      "g"};
const std::vector<std::int64_t> kTtlsMs{0, 0, 1'000, 1'001, 2'500, 86'400'000};

const std::vector<std::int64_t> kLingersMs{0, 0, 1, 700, 2'000, 100'000'000};

// What happens next; each number is taken modulo what there is to choose from.
struct Step {
    unsigned kind, user, session, ttl, wait;
};
void showValue(const Step& s, std::ostream& os) {
    os << "{" << s.kind << "," << s.user << "," << s.session << "," << s.ttl << "," << s.wait
       << "}";
}
rc::Gen<std::vector<Step>> any_steps() {
    const auto below = [](unsigned n) { return rc::gen::inRange(0u, n); };
    return rc::gen::scale(
        5, rc::gen::container<std::vector<Step>>(rc::gen::build<Step>(
               rc::gen::set(&Step::kind, below(100)), rc::gen::set(&Step::user, below(1'000)),
               rc::gen::set(&Step::session, below(1'000)), rc::gen::set(&Step::ttl, below(1'000)),
               rc::gen::set(&Step::wait, below(2'000'000)))));
}
// Often whole ms, so that deadlines are met exactly; often none at all.
std::uint64_t wait_us(const Step& step) {
    switch (step.ttl % 4) {
        case 0:
            return 0;
        case 1:
            return step.wait;
        case 2:
            return step.wait / 500'000 * 500'000;
        default:
            return step.wait % 3'000;
    }
}

class Trace {
public:
    Trace(Duration grain, unsigned users_max)
        : core_({.timeout = 2s, .users_max = users_max, .grain = grain}),
          model_(2'000'000, grain.count(), users_max) {}

    void take(const Step& step) {
        const auto& id = kUsers[step.user % kUsers.size()];
        const auto session = step.session % 3 ? "" : "s" + std::to_string(step.session % 60 / 3);
        if (step.kind < 50) {
            if (step.kind < 30 || core_.full()) pass(step);
            const auto ttl = kTtlsMs[step.ttl % kTtlsMs.size()];
            RC_ASSERT(core_.seen(id, {.session = session, .ttl = 1ms * ttl}) == Seen::yes);
            model_.seen(id, session, ttl * 1000);
        } else if (step.kind < 70) {
            pass(step);
        } else if (step.kind < 80) {
            pass(step);
            std::optional<std::string> which;
            if (step.session % 4) which = session;
            if (const auto linger = kLingersMs[step.ttl % kLingersMs.size()]; linger > 0)
                RC_ASSERT(core_.leave(id, {which, 1ms * linger}) ==
                          model_.linger(id, which, linger * 1000));
            else
                RC_ASSERT(core_.leave(id, {.session = which}) == model_.leave(id, which));
        } else if (step.kind < 90) {
            tell(core_, told_, step.session % 5);
        } else if (step.kind < 92) {
            core_.renew_all({wait_us(step)});
            model_.renew_all(static_cast<std::int64_t>(wait_us(step)));
        } else if (step.kind < 93) {
            pass(step);
            core_.leave_all();
            model_.leave_all();
        } else {
            compare();
        }
    }
    void end() {
        compare();
        pass({0, 0, 0, 0, 0});
        core_.pass({90'000'000'000});
        model_.pass(90'000'000'000);
        compare();
        RC_ASSERT(core_.online_count() == 0u);
        tell(core_, told_, 1'000'000);
        require_same(told_, model_.told);
    }

private:
    void pass(const Step& step) {
        core_.pass({wait_us(step)});
        model_.pass(static_cast<std::int64_t>(wait_us(step)));
        RC_ASSERT(core_.next_due().value_or(Instant::max()) > core_.now());
    }
    void compare() {
        core_.check();
        RC_ASSERT(core_.untold() + told_.size() == model_.told.size());
        RC_ASSERT(core_.online_count() == model_.online().size());
        for (const auto& id : kUsers)
            RC_ASSERT(core_.is_online(id) == model_.is_online(id));
        std::vector<std::string> all, some;
        for (std::uint32_t share = 0; share < ManagerCore::kShares; ++share) {
            core_.online_ids(share, some);
            all.insert(all.end(), some.begin(), some.end());
        }
        std::sort(all.begin(), all.end());
        RC_ASSERT(all == model_.online());
        RC_ASSERT(core_.left_out().users == model_.users_left_out);
        RC_ASSERT(core_.left_out().sessions == model_.sessions_left_out);
        RC_ASSERT(core_.next_due().has_value() || model_.online().empty());
    }

    ManagerCore core_;
    LibraryModel model_;
    Told told_;
};

}  // namespace

TEST_CASE("what is told is what the Ruby library tells, in its order", "[embed]") {
    rc::prop("heartbeats at any time, asked often or seldom", [] {
        const auto steps = *any_steps();
        ManagerCore core({.timeout = 2s, .users_max = 100, .grain = 0us});
        OriginalModel model(2'000'000);
        Told told;
        for (const auto& step : steps) {
            core.pass({wait_us(step)});
            model.pass(static_cast<std::int64_t>(wait_us(step)));
            if (step.kind < 70) {
                RC_ASSERT(core.seen(kUsers[step.user % kUsers.size()], {}) == Seen::yes);
                core.pass({0});
                model.seen(kUsers[step.user % kUsers.size()]);
            } else {
                tell(core, told, step.session % 4);
            }
        }
        core.pass({3'000'000});
        model.pass(3'000'000);
        tell(core, told, 1'000'000);
        require_same(told, model.told);
    });
}

TEST_CASE("any trace with sessions, ttls, leaves and renewals gives the model's story", "[embed]") {
    rc::prop("few users with many calls", [] {
        Trace trace(Duration(*rc::gen::element(0, 1, 300)), *rc::gen::element(4u, 100u));
        for (const auto& step : *any_steps())
            trace.take(step);
        trace.end();
    });
}

TEST_CASE("many sessions of one user", "[embed]") {
    rc::prop("more than there is room for", [] {
        Trace trace(0us, 100);
        for (auto step : *any_steps()) {
            step.user = 1;
            step.session *= 3;
            if (step.kind % 8) step.kind %= 50, step.ttl = 4;
            trace.take(step);
        }
        trace.end();
    });
}

TEST_CASE("how often the core is asked changes nothing that is told", "[embed]") {
    rc::prop("one in one step, the other in many", [] {
        const auto steps = *any_steps();
        ManagerCore seldom({.timeout = 2s, .users_max = 100, .grain = 1us});
        ManagerCore often({.timeout = 2s, .users_max = 100, .grain = 1us});
        Told a, b;
        for (const auto& step : steps) {
            seldom.pass({wait_us(step)});
            for (auto left = wait_us(step); left > 0;) {
                const auto part = std::min<std::uint64_t>(left, 1 + step.wait % 700'000);
                often.pass({part});
                tell(often, b, 100);
                left -= part;
            }
            const auto& id = kUsers[step.user % kUsers.size()];
            RC_ASSERT(seldom.seen(id, {}) == Seen::yes);
            RC_ASSERT(often.seen(id, {}) == Seen::yes);
            seldom.pass({0});
            often.pass({0});
        }
        for (auto* core : {&seldom, &often})
            core->pass({3'000'000});
        tell(seldom, a, 1'000'000);
        tell(often, b, 1'000'000);
        RC_ASSERT(a.size() == b.size());
        std::map<std::string, std::vector<bool>> by_user_a, by_user_b;
        for (const auto& [online, id] : a)
            by_user_a[id].push_back(online);
        for (const auto& [online, id] : b)
            by_user_b[id].push_back(online);
        RC_ASSERT(by_user_a == by_user_b);
    });
}
