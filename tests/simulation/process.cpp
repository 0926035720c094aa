#include "tests/simulation/process.hpp"

#include <algorithm>
#include <utility>

namespace presence::simulation {

Process::Process(Environment& env, Place place, std::string name, Random random)
    : env_(env), random_(random), place_(place), name_(std::move(name)), clock_(random_) {}

void Process::start() {
    retired_ = false;
    up_ = true;
    boot();
    wake_soon();
}

Time Process::when(Instant t) const {
    if (t == Instant::max()) return kNever;
    return std::max(now(), clock_.truth(micros(t)) + 1);
}

void Process::wake_at(Time time) {
    if (!up_ || step_ != Step::sleeping || time >= wake_at_) return;
    wake_at_ = time;
    continue_at(time, Step::sleeping);
}

void Process::continue_at(Time time, Step step) {
    step_ = step;
    const auto plan = ++planned_;
    env_.scheduler.at(time, [this, plan] { turn(plan); });
}

// One step; a stopped process takes its next one when it runs again.
void Process::turn(std::uint64_t plan) {
    if (!up_ || plan != planned_) return;
    if (stopped()) return continue_at(stopped_until_, step_);
    switch (step_) {
        case Step::sleeping: {
            wake_at_ = kNever;
            receive();
            const Time stalled = std::exchange(stall_deciding_, 0);
            if (stalled > 0) stop(stalled);
            if (slow()) env_.coverage.met(Fault::slow, place_);
            const Time slowed = slow() ? random_.between(slow_ / 2, slow_) : 0;
            continue_at(now() + random_.between(20, kNapMax) + stalled + slowed, Step::received);
            break;
        }
        case Step::received: {
            decide();
            const Time stalled = std::exchange(stall_sending_, 0);
            if (stalled > 0) {
                stop(stalled);
                continue_at(now() + stalled, Step::decided);
                break;
            }
            [[fallthrough]];
        }
        case Step::decided:
            send();
            step_ = Step::sleeping;
            wake_at(next_wakeup());
            break;
    }
}

void Process::stop(Time length) {
    if (length <= 0) return;
    stopped_until_ = std::max(stopped_until_, now() + length);
    stops(stopped_until_, length);
}

void Process::pause(Time until) {
    if (!up_ || clock_.stands_still()) return;
    env_.coverage.met(Fault::pause, place_);
    trace("is paused");
    stop(until - now());
}

// Of one that is stopped already nobody could know how long it was, and how long its clock stood.
void Process::suspend(Time until) {
    if (!up_ || (stopped() && place_ != Place::edge)) return;
    env_.coverage.met(Fault::suspend, place_);
    trace("is suspended");
    clock_.stand_still(now());
    stop(until - now());
}

void Process::stall(Time length, bool sending) {
    if (!up_) return;
    env_.coverage.met(Fault::stall, place_);
    trace(sending ? "stalls before it sends" : "stalls before it decides");
    (sending ? stall_sending_ : stall_deciding_) = length;
}

void Process::crash(Time restart, bool elsewhere) {
    if (!up_) return;
    env_.coverage.met(Fault::crash, place_);
    trace("crashes");
    up_ = false;
    ++planned_;
    wake_at_ = kNever;
    step_ = Step::sleeping;
    stopped_until_ = 0;
    stall_deciding_ = stall_sending_ = 0;
    die();
    if (restart == kNever) return;
    env_.scheduler.at(restart, [this, elsewhere] {
        if (retired_ || up_) return;
        if (elsewhere) {
            clock_ = MachineClock(random_);
            moved();
        }
        clock_.go_on(now());  // a machine on which something starts is awake
        trace(elsewhere ? "starts anew on another machine" : "starts anew");
        start();
    });
}

void Process::retire() {
    retired_ = true;
    if (up_) crash(kNever, false);
}

void Process::begin(Fault fault, Time strength) {
    if (fault == Fault::slow) slow_ = strength;
    if (fault == Fault::slow_disk) slow_disk_ = strength;
    if (fault == Fault::drift) {
        env_.coverage.met(fault, place_);
        clock_.drift(now(), strength);
    }
    trace("begins: " + std::string(name_of(fault)));
}

void Process::end(Fault fault) {
    if (fault == Fault::slow) slow_ = 0;
    if (fault == Fault::slow_disk) slow_disk_ = 0;
    if (fault == Fault::suspend) clock_.go_on(now());
}

Time Process::disk_delay() {
    if (slow_disk_ == 0) return 0;
    env_.coverage.met(Fault::slow_disk, place_);
    return random_.between(slow_disk_ / 2, slow_disk_);
}

void Process::jump_wall(Time by) {
    env_.coverage.met(Fault::wall_jump, place_);
    trace("wall clock jumps by " + std::to_string(by / kMillisecond) + " ms");
    clock_.jump_wall(by);
}

}  // namespace presence::simulation
