#pragma once

#include <array>
#include <functional>
#include <utility>

#include "tests/simulation/coverage.hpp"
#include "tests/simulation/environment.hpp"

namespace presence::simulation {

// What the fault plan does to a link, whatever it carries.
class Troubled {
public:
    virtual ~Troubled() = default;
    // `strength`: loss, duplicate, reorder: per mille of the messages; delay: microseconds more;
    // cut, partition: 1 loses what is sent meanwhile (the connection is lost), 2 holds it back
    // until the end.
    virtual void begin(Fault fault, Time strength) = 0;
    virtual void end(Fault fault) = 0;
};

// One direction of a connection. Without trouble it delivers everything once and in order.
template <class Message>
class SimulatedLink : public Troubled {
public:
    using Deliver = std::function<void(const Message&)>;

    SimulatedLink(Environment& env, Place place, Random random, Time far, Deliver deliver)
        : env_(env),
          place_(place),
          random_(random),
          delay_(random_.between(50, 2 * kMillisecond) + (random_.percent(30) ? far : 0)),
          deliver_(std::move(deliver)) {}

    void begin(Fault fault, Time strength) override {
        trouble(fault) = strength;
        if (fault == Fault::partition) severed_at_ = env_.scheduler.now();
    }
    void end(Fault fault) override {
        trouble(fault) = 0;
        if (fault != Fault::cut && fault != Fault::partition) return;
        if (severed()) return;
        for (auto& message : std::exchange(held_, {}))
            send_now(message);
    }

    void send(const Message& message) {
        if (severed()) {
            const auto fault = trouble(Fault::cut) ? Fault::cut : Fault::partition;
            env_.coverage.met(fault, place_);
            if (trouble(fault) == 2 && held_.size() < kHeldMax) held_.push_back(message);
            return;
        }
        if (happens(Fault::loss)) return;
        send_now(message);
        if (happens(Fault::duplicate)) send_now(message);
    }

    // Whether the sender takes its peer to be there: ZMTP heartbeats tell after a while.
    [[nodiscard]] bool connected() const {
        constexpr Time kHeartbeatTimeout = 2 * kSecond;
        return trouble_[static_cast<std::size_t>(Fault::partition)] == 0 ||
               env_.scheduler.now() < severed_at_ + kHeartbeatTimeout;
    }

private:
    static constexpr std::size_t kHeldMax = 10'000;

    Time& trouble(Fault fault) { return trouble_[static_cast<std::size_t>(fault)]; }

    bool severed() { return trouble(Fault::cut) != 0 || trouble(Fault::partition) != 0; }

    bool happens(Fault fault) {
        const Time permille = trouble(fault);
        if (permille == 0 || !random_.permille(static_cast<unsigned>(permille))) return false;
        env_.coverage.met(fault, place_);
        return true;
    }

    void send_now(const Message& message) {
        Time arrival = env_.scheduler.now() + delay_ + random_.between(0, 2 * kMillisecond);
        if (const Time more = trouble(Fault::delay)) {
            env_.coverage.met(Fault::delay, place_);
            arrival += random_.between(more / 2, more);
        }
        if (happens(Fault::reorder)) {
            arrival += random_.between(kMillisecond, 300 * kMillisecond);
        } else {
            arrival = std::max(arrival, last_arrival_);
            last_arrival_ = arrival;
        }
        env_.scheduler.at(arrival, [this, message] { deliver_(message); });
    }

    Environment& env_;
    Place place_;
    Random random_;
    Time delay_;
    Deliver deliver_;
    std::array<Time, static_cast<std::size_t>(Fault::count_)> trouble_{};
    std::vector<Message> held_;
    Time last_arrival_ = 0;
    Time severed_at_ = 0;  // by a partition
};

}  // namespace presence::simulation
