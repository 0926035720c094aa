#pragma once

#include <string>

#include "tests/simulation/environment.hpp"

namespace presence::simulation {

// A process with one loop: it wakes, receives, decides, sends, and sleeps again. Each step takes
// true time, and each can be made to take very long.
//
// A turn's decision is made at the end of its time, so what arrives meanwhile stays in the queue
// for the next turn.
class Process {
public:
    Process(Environment& env, Place place, std::string name, Random random);
    virtual ~Process() = default;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void start();
    // Does not run before `until`; a turn under way stops where it is.
    void pause(Time until);
    // The next turn stops for `length`, before it decides or (`sending`) before it sends.
    void stall(Time length, bool sending);
    // Ends at once and comes back at `restart`; `elsewhere`: on a machine with other clocks.
    void crash(Time restart, bool elsewhere);
    // A fault that lasts: slow, a turn takes `strength` longer; slow_disk, a write does; drift.
    void begin(Fault fault, Time strength);
    void end(Fault fault);
    // Paused, and its clock with it, until end(Fault::suspend).
    void suspend(Time until);
    void jump_wall(Time by);
    // Ends for good.
    void retire();
    // From the start on.
    void set_wall(Time by) { clock_.jump_wall(by); }

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const MachineClock& clock() const { return clock_; }
    [[nodiscard]] bool up() const { return up_; }
    [[nodiscard]] bool retired() const { return retired_; }
    // Up, but not running: paused or inside a stall.
    [[nodiscard]] bool stopped() const { return now() < stopped_until_; }

    static constexpr Time kTurnMax = 2 * kMillisecond;  // without faults, from arrival to sending

protected:
    [[nodiscard]] Time now() const { return env_.scheduler.now(); }
    [[nodiscard]] Instant local_now() const { return clock_.instant(now()); }
    // True time at which the local clock shows `t`, rounded up.
    [[nodiscard]] Time when(Instant t) const;
    void wake_at(Time time);
    void wake_soon() { wake_at(now() + random_.between(0, kNapMax)); }
    [[nodiscard]] bool slow() const { return slow_ > 0; }
    // How much longer a write takes now.
    [[nodiscard]] Time disk_delay();
    void trace(const std::string& what) const { env_.trace.line(now(), name_, what); }

    // A new core, with what a process knows at its start.
    virtual void boot() = 0;
    // Everything it knew and all that waits in its sockets is gone.
    virtual void die() = 0;
    // It comes back on another machine.
    virtual void moved() {}
    // It will not run before `until`, `length` from now.
    virtual void stops(Time /*until*/, Time /*length*/) {}
    virtual void receive() = 0;
    virtual void decide() = 0;
    virtual void send() = 0;
    // When to run although nothing arrives.
    virtual Time next_wakeup() = 0;

    Environment& env_;
    Random random_;

private:
    static constexpr Time kNapMax = 500;
    enum class Step { sleeping, received, decided };

    void turn(std::uint64_t plan);
    void continue_at(Time time, Step step);
    void stop(Time length);

    Place place_;
    std::string name_;
    MachineClock clock_;
    bool up_ = false;
    bool retired_ = false;
    std::uint64_t planned_ = 0;  // the newest plan to wake; older ones are dropped
    Time wake_at_ = kNever;
    Step step_ = Step::sleeping;
    Time stopped_until_ = 0;
    Time stall_deciding_ = 0;
    Time stall_sending_ = 0;
    Time slow_ = 0;
    Time slow_disk_ = 0;
};

}  // namespace presence::simulation
