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

void SimulatedSink::restart(notifier::Delivery& delivery) {
    ++life_;
    chunk_.clear();
    busy_ = keeping_ = again_ = giving_up_ = false;
    answer_ = Answer::none;
    if (!std::exchange(started_, true)) model_.sink_started(number_);
    kept_.restore(delivery);
}

void SimulatedSink::pump(notifier::Delivery& delivery, Instant now,
                         const std::function<Time()>& disk, std::function<void()> done) {
    if (busy_ || answer_ != Answer::none) return;
    auto job = delivery.next(now);
    if (!job) return;
    facts_ = std::move(job->facts);
    auto chunk = std::move(job->chunk);
    PRESENCE_CHECK(chunk.size() <= shape_.chunk_max, "a chunk is too large");
    PRESENCE_CHECK(!again_ || chunk == chunk_, "another try hands out other events");
    chunk_ = std::move(chunk);
    giving_up_ = job->attempts > 0;
    busy_ = true;
    const Time delay = job->keep ? disk() : 0;
    const auto keep = [this, kept = std::move(job->keep), done = std::move(done)] {
        if (kept) kept_.before(*kept);
        hand_out(done);
    };
    if (delay == 0) return keep();
    keeping_ = true;
    env_.scheduler.after(delay, [this, keep, life = life_] {
        if (life == life_ && std::exchange(keeping_, false)) keep();
    });
}

void SimulatedSink::hand_out(std::function<void()> done) {
    if (giving_up_) give_up();
    const Time at = env_.scheduler.now() + random_.between(50, kMillisecond);
    if (hangs_until_ > at) env_.coverage.met(Fault::pause, Place::sink);
    env_.scheduler.at(std::max(at, hangs_until_), [this, done = std::move(done), life = life_] {
        if (life != life_) return;
        finish(!giving_up_ && ((failing_ && random_.percent(80)) || poisoned()));
        done();
    });
}

bool SimulatedSink::picky() const {
    const auto now = env_.scheduler.now();
    return shape_.poison && now >= shape_.faults_begin && now < shape_.faults_end;
}

bool SimulatedSink::poisoned() const {
    return picky() && std::any_of(chunk_.begin(), chunk_.end(),
                                  [](const Event& event) { return hash_of(event.user) % 16 == 0; });
}

// As notifier::DeadLetters does: before it is kept that the sink is done with the chunk.
void SimulatedSink::give_up() {
    letters_changed_ = letters_new_ = true;
    for (const auto& event : chunk_) {
        letters_[id_of(event)] = {event.user, false};
        for (auto& [id, letter] : letters_)
            if (letter.user == event.user) letter.wanted = false;
        if (!is_gap_notice(event)) model_.missed(number_, event.user);
        if (env_.trace.follows(event.user))
            env_.trace.line(env_.scheduler.now(), name_,
                            "is not told " + id_of(event) + " of " + event.user);
    }
}

// As notifier::DeadLetters does.
void SimulatedSink::on_taken() {
    if (letters_.empty()) return;
    letters_changed_ = true;
    for (const auto& event : chunk_)
        std::erase_if(letters_, [&](const auto& entry) {
            const auto& [id, letter] = entry;
            return letter.wanted && letter.user == event.user;
        });
}

void SimulatedSink::ask_for_replays(notifier::Delivery& delivery) {
    const bool ask = random_.percent(failing_ || picky() ? 5 : 100) && letters_new_;
    if (ask || letters_changed_) {
        letters_changed_ = false;
        letters_new_ = letters_new_ && !ask;
        std::set<std::string> users;
        for (auto& [id, letter] : letters_) {
            if (letter.user.empty()) continue;
            if (ask && !letter.wanted) {
                letter.wanted = true;
                model_.missed(number_, letter.user);
            }
            if (letter.wanted) users.insert(letter.user);
        }
        wanted_.users.assign(users.begin(), users.end());
    }
    delivery.want(wanted_);
}

// A failure leaves open how much was taken; here, the beginning.
void SimulatedSink::finish(bool fails) {
    busy_ = false;
    answer_ = fails ? Answer::failed : Answer::delivered;
    if (giving_up_) return;
    if (!fails) on_taken();
    if (fails) env_.coverage.met(Fault::crash, Place::sink);
    const auto taken = fails ? random_.below(chunk_.size() + 1) : chunk_.size();
    for (std::size_t n = 0; n < taken; ++n) {
        const auto& event = chunk_[n];
        if (is_gap_notice(event) || !known_.insert(id_of(event)).second) continue;
        if (env_.trace.follows(event.user))
            env_.trace.line(env_.scheduler.now(), name_,
                            "is told " + id_of(event) + " " + event.user + " " +
                                std::string(name_of(event.state)) + " (" + event.reason + ")");
        model_.told(number_, event);
    }
}

void SimulatedSink::take_answer(notifier::Delivery& delivery, Instant now) {
    const auto answer = std::exchange(answer_, Answer::none);
    if (answer == Answer::failed) {
        again_ = true;
        delivery.on_failed(now);
    } else if (answer == Answer::delivered) {
        again_ = false;
        kept_.facts = facts_;
        delivery.on_delivered();
    }
    if (!letters_.empty() || !delivery.wanted().empty()) ask_for_replays(delivery);
}

}  // namespace presence::simulation
