#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "cli/up/supervision.hpp"
#include "common/exit_codes.hpp"

using namespace presence;
using namespace presence::cli;

namespace {

using Action = Supervision::Action;
using Kind = Supervision::Kind;
using Actions = std::vector<Action>;

const Instant kStart{1h};

// A tracker (stage 1), a collector (stage 0) and a notifier (stage 2), all running.
Supervision running() {
    Supervision s({});
    CHECK(s.add(1) == 0);
    CHECK(s.add(0) == 1);
    CHECK(s.add(2) == 2);
    CHECK(s.decide(kStart) == Actions{{Kind::start, 0}, {Kind::start, 1}, {Kind::start, 2}});
    CHECK(s.decide(kStart).empty());
    CHECK(s.next_wakeup() == Instant::max());
    return s;
}

}  // namespace

TEST_CASE("a child that dies is started again after a pause that doubles", "[cli][supervision]") {
    Supervision s = running();
    Instant now = kStart;
    for (const Duration pause : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
        now += 1s;
        s.on_end(0, {}, now);
        CHECK(s.next_wakeup() == now + pause);
        CHECK(s.decide(now + pause - 1us).empty());
        CHECK(s.decide(now + pause) == Actions{{Kind::start, 0}});
        now += pause;
    }
    CHECK(s.restarts() == 8);
}

TEST_CASE("a child that lived long is started again soon", "[cli][supervision]") {
    Supervision s = running();
    s.on_end(0, {}, kStart + 1s);
    (void)s.decide(kStart + 2s);
    s.on_end(0, 1, kStart + 12s);
    CHECK(s.next_wakeup() == kStart + 12s + 100ms);
}

TEST_CASE("stopping ends collectors, then trackers, then notifiers", "[cli][supervision]") {
    Supervision s = running();
    s.stop(kStart);
    CHECK(s.decide(kStart + 1s) == Actions{{Kind::terminate, 1}});
    CHECK(s.decide(kStart + 1s).empty());
    s.on_end(1, 0, kStart + 2s);
    CHECK_FALSE(s.finished());
    CHECK(s.decide(kStart + 2s) == Actions{{Kind::terminate, 0}});
    s.on_end(0, 0, kStart + 2s);
    CHECK(s.decide(kStart + 2s) == Actions{{Kind::terminate, 2}});
    s.on_end(2, 0, kStart + 3s);
    CHECK(s.decide(kStart + 3s).empty());
    CHECK(s.finished());
    CHECK(s.exit_code() == 0);
}

TEST_CASE("a child that does not end is killed at its stage's deadline", "[cli][supervision]") {
    Supervision s = running();
    s.stop(kStart);
    (void)s.decide(kStart);
    CHECK(s.next_wakeup() == kStart + 5s);
    CHECK(s.decide(kStart + 5s - 1us).empty());
    CHECK(s.decide(kStart + 5s) == Actions{{Kind::kill, 1}});
    CHECK(s.next_wakeup() == Instant::max());
    s.on_end(1, {}, kStart + 5s);
    CHECK(s.decide(kStart + 6s) == Actions{{Kind::terminate, 0}});
    CHECK(s.next_wakeup() == kStart + 11s);
}

TEST_CASE("asked to stop twice, and not by one keystroke, it kills all that runs",
          "[cli][supervision]") {
    Supervision s = running();
    s.stop(kStart);
    (void)s.decide(kStart);
    s.stop(kStart + 499ms);
    CHECK(s.decide(kStart + 499ms).empty());
    s.stop(kStart + 500ms);
    CHECK(s.next_wakeup() <= kStart + 500ms);
    CHECK(s.decide(kStart + 500ms) == Actions{{Kind::kill, 0}, {Kind::kill, 1}, {Kind::kill, 2}});
}

TEST_CASE("a child that no restart can mend ends the rest with its exit code",
          "[cli][supervision]") {
    for (const int code : {kExitUsage, kExitConfig, kExitUnavailable}) {
        Supervision s = running();
        s.on_end(0, code, kStart);
        CHECK(s.stopping());
        CHECK(s.decide(kStart) == Actions{{Kind::terminate, 1}});
        s.on_end(1, 0, kStart);
        (void)s.decide(kStart);
        s.on_end(2, 0, kStart);
        CHECK(s.finished());
        CHECK(s.exit_code() == code);
    }
}

TEST_CASE("what no restart can mend is tried again once all has worked", "[cli][supervision]") {
    for (const int code : {kExitUsage, kExitConfig, kExitUnavailable, kExitStorage}) {
        Supervision s = running();
        s.on_ready();
        s.on_end(0, code, kStart);
        CHECK_FALSE(s.stopping());
        CHECK(s.decide(kStart + 100ms) == Actions{{Kind::start, 0}});
    }
}

TEST_CASE("a child that is to be restarted is ended, and started as soon as it is gone",
          "[cli][supervision]") {
    Supervision s = running();
    s.restart(1);
    CHECK(s.decide(kStart) == Actions{{Kind::terminate, 1}});
    CHECK(s.decide(kStart).empty());
    s.on_end(1, 0, kStart + 1s);
    CHECK(s.decide(kStart + 1s) == Actions{{Kind::start, 1}});
    CHECK(s.restarts() == 0);

    s.on_end(1, std::nullopt, kStart + 2s);  // one that is not there is started anyway
    s.restart(1);
    CHECK(s.decide(kStart + 3s) == Actions{{Kind::start, 1}});
    CHECK(s.decide(kStart + 4s).empty());
}

TEST_CASE("whatever ends when, stopping ends all, stage by stage, in bounded time",
          "[cli][supervision]") {
    rc::prop("ends", [] {
        Supervision s({});
        std::vector<int> stages;
        std::vector<bool> runs;
        for (int i = *rc::gen::inRange(1, 8); i > 0; --i) {
            stages.push_back(*rc::gen::inRange(0, 3));
            runs.push_back(false);
            s.add(stages.back());
        }
        Instant now = kStart;
        const auto obey = [&](bool stubborn) {
            for (const auto& action : s.decide(now)) {
                if (action.kind == Kind::start) RC_ASSERT(!runs[action.child]);
                if (action.kind == Kind::start) runs[action.child] = true;
                if (action.kind != Kind::start) RC_ASSERT(runs[action.child]);
                if (action.kind == Kind::terminate)
                    for (std::size_t i = 0; i < stages.size(); ++i)
                        RC_ASSERT(!runs[i] || stages[i] >= stages[action.child]);
                if (action.kind == Kind::kill || (action.kind == Kind::terminate && !stubborn)) {
                    runs[action.child] = false;
                    s.on_end(action.child, {}, now);
                }
            }
        };
        for (int i = *rc::gen::inRange(0, 30); i > 0; --i) {
            now += *rc::gen::inRange(0, 2'000) * 1ms;
            obey(false);
            const auto victim = *rc::gen::inRange<std::size_t>(0, stages.size());
            if (!runs[victim]) continue;
            runs[victim] = false;
            s.on_end(victim, *rc::gen::element(0, 1, 70), now);
        }
        s.stop(now);
        const Instant limit = now + 15s;
        for (int i = 0; i < 100 && !s.finished(); ++i) {
            obey(*rc::gen::arbitrary<bool>());
            if (!s.finished()) now = std::max(now, std::min(s.next_wakeup(), limit));
        }
        RC_ASSERT(s.finished());
        RC_ASSERT(now <= limit);
    });
}

TEST_CASE("a child that is added later is started, one that is not wanted is ended and stays so",
          "[cli][supervision]") {
    Supervision s = running();
    CHECK(s.add(1) == 3);
    s.want(0, false);
    CHECK(s.next_wakeup() <= kStart + 1s);
    CHECK(s.decide(kStart + 1s) == Actions{{Kind::terminate, 0}, {Kind::start, 3}});
    CHECK(s.decide(kStart + 1s).empty());
    s.on_end(0, 0, kStart + 2s);
    CHECK(s.decide(kStart + 1h).empty());
    CHECK(s.next_wakeup() == Instant::max());
    CHECK(s.restarts() == 0);
    CHECK_FALSE(s.finished());
}

TEST_CASE("a child that is not wanted and does not end is killed", "[cli][supervision]") {
    Supervision s = running();
    s.want(2, false);
    (void)s.decide(kStart);
    CHECK(s.next_wakeup() == kStart + 5s);
    CHECK(s.decide(kStart + 5s - 1us).empty());
    CHECK(s.decide(kStart + 5s) == Actions{{Kind::kill, 2}});
    CHECK(s.next_wakeup() == Instant::max());
    s.on_end(2, {}, kStart + 6s);
    CHECK(s.decide(kStart + 7s).empty());
}

TEST_CASE("a child that is wanted again while it ends is started once it is gone",
          "[cli][supervision]") {
    Supervision s = running();
    s.want(0, false);
    CHECK(s.decide(kStart) == Actions{{Kind::terminate, 0}});
    s.want(0, true);
    CHECK(s.decide(kStart + 1s).empty());
    s.on_end(0, 0, kStart + 2s);
    CHECK(s.decide(kStart + 2s) == Actions{{Kind::start, 0}});
    // And as any other from then on.
    s.on_end(0, {}, kStart + 3s);
    CHECK(s.decide(kStart + 3s).empty());
    CHECK(s.decide(kStart + 4s) == Actions{{Kind::start, 0}});
    s.stop(kStart + 5s);
    CHECK(s.decide(kStart + 5s) == Actions{{Kind::terminate, 1}});
}

TEST_CASE("a child that is not wanted while it waits to be started again is not started",
          "[cli][supervision]") {
    Supervision s = running();
    s.on_end(0, {}, kStart + 1s);
    s.want(0, false);
    CHECK(s.decide(kStart + 1h).empty());
    s.want(0, true);
    CHECK(s.decide(kStart + 1h) == Actions{{Kind::start, 0}});
}
