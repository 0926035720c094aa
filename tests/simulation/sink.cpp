#include <algorithm>
#include <utility>

#include "common/check.hpp"
#include "tests/simulation/notifier_process.hpp"

namespace presence::simulation {

SimulatedSink::SimulatedSink(Environment& env, std::size_t number, Random random,
                             const Shape& shape, Model& model)
    : env_(env),
      number_(number),
      name_("sink" + std::to_string(number)),
      random_(random),
      shape_(shape),
      model_(model) {}

void SimulatedSink::begin(Fault fault, Time until) {
    env_.trace.line(env_.scheduler.now(), name_,
                    fault == Fault::crash ? "begins to fail" : "hangs");
    if (fault == Fault::crash)
        failing_ = true;
    else
        hangs_until_ = std::max(hangs_until_, until);
}

void SimulatedSink::end(Fault fault) {
    if (fault == Fault::crash) failing_ = false;
}

void SimulatedSink::restart() {
    ++life_;
    chunk_.clear();
    busy_ = again_ = false;
    known_ = 0;
    answer_ = Answer::none;
    model_.sink_started(number_);
}

void SimulatedSink::pump(notifier::Delivery& delivery, Instant now, const notifier::Follower& truth,
                         std::function<void()> done) {
    if (busy_ || answer_ != Answer::none) return;
    auto chunk = delivery.next(now, truth);
    if (chunk.empty()) return;
    PRESENCE_CHECK(chunk.size() <= shape_.chunk_max, "a chunk is too large");
    PRESENCE_CHECK(!again_ || chunk == chunk_, "another try hands out other events");
    if (!again_) known_ = 0;
    chunk_ = std::move(chunk);
    busy_ = true;
    const Time at = env_.scheduler.now() + random_.between(50, kMillisecond);
    if (hangs_until_ > at) env_.coverage.met(Fault::pause, Place::sink);
    env_.scheduler.at(std::max(at, hangs_until_), [this, done, life = life_] {
        if (life != life_) return;
        finish(failing_ && random_.percent(80));
        done();
    });
}

// A failure leaves open how much was taken; here, the beginning.
void SimulatedSink::finish(bool fails) {
    busy_ = false;
    answer_ = fails ? Answer::failed : Answer::delivered;
    if (fails) env_.coverage.met(Fault::crash, Place::sink);
    const auto taken = fails ? random_.below(chunk_.size() + 1) : chunk_.size();
    for (; known_ < taken; ++known_) {
        const auto& event = chunk_[known_];
        if (env_.trace.follows(event.user))
            env_.trace.line(env_.scheduler.now(), name_,
                            "is told " + id_of(event) + " " + event.user + " " +
                                std::string(name_of(event.state)) + " (" + event.reason + ")");
        model_.told(number_, event);
    }
}

void SimulatedSink::take_answer(notifier::Delivery& delivery, Instant now) {
    const auto answer = std::exchange(answer_, Answer::none);
    if (answer == Answer::none) return;
    again_ = answer == Answer::failed;
    if (again_)
        delivery.on_failed(now);
    else
        delivery.on_delivered();
}

}  // namespace presence::simulation
