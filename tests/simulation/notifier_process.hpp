#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>

#include "notifier/deliver/delivery.hpp"
#include "tests/simulation/link.hpp"
#include "tests/simulation/messages.hpp"
#include "tests/simulation/model.hpp"
#include "tests/simulation/process.hpp"
#include "tests/support/kept_in_memory.hpp"

namespace presence::simulation {

// What a sink does with the events it is handed: takes them after a while, and in trouble takes
// some of them and fails, or hangs. It tells the model what it was told. It keeps what was given
// up, and has it replayed once it takes everything again, now and then before.
class SimulatedSink : public Troubled {
public:
    SimulatedSink(Environment& env, std::size_t number, Random random, const Shape& shape,
                  Model& model);

    // Fault::crash: deliveries fail; Fault::pause: they take until the end.
    void begin(Fault fault, Time until) override;
    void end(Fault fault) override;

    // What was kept goes on.
    void restart(notifier::Delivery& delivery);
    // Hands out what `delivery` has, if the sink is free. `done` is called when it answered.
    // `disk`: how much longer it takes to keep something.
    void pump(notifier::Delivery& delivery, Instant now, const std::function<Time()>& disk,
              std::function<void()> done);
    // Its notifier dies.
    void die() { keeping_ = false; }
    // Takes the answer into the delivery, if there is one.
    void take_answer(notifier::Delivery& delivery, Instant now);

private:
    enum class Answer { none, delivered, failed };
    void hand_out(std::function<void()> done);
    void finish(bool fails);
    [[nodiscard]] bool picky() const;
    [[nodiscard]] bool poisoned() const;
    void give_up();
    void on_taken();
    void ask_for_replays(notifier::Delivery& delivery);

    Environment& env_;
    std::size_t number_;
    std::string name_;
    Random random_;
    const Shape& shape_;
    Model& model_;
    bool failing_ = false;
    Time hangs_until_ = 0;
    std::uint64_t life_ = 0;
    std::vector<Event> chunk_;  // at the sink, or to be tried again
    bool busy_ = false;
    bool keeping_ = false;  // what comes with the chunk, before it is told
    bool again_ = false;    // chunk_ failed: the next must be the same
    bool giving_up_ = false;
    std::unordered_set<std::string>
        known_;  // ids of what was told: a consumer that must not act twice
    testing::KeptInMemory kept_;
    struct Letter {
        std::string user;
        bool wanted = false;
    };
    std::map<std::string, Letter> letters_;  // dead ones, by id
    bool letters_changed_ = false;           // wanted_ may not be as they say
    bool letters_new_ = false;               // of some no replay was asked for
    notifier::Wanted wanted_;
    std::string facts_;  // of the job
    bool started_ = false;
    Answer answer_ = Answer::none;
};

// A notifier: a notifier::Delivery a sink.
class NotifierProcess : public Process {
public:
    NotifierProcess(Environment& env, std::size_t index, Random random, const Shape& shape,
                    const SlotMap& map, Model& model, SendPacket ask);

    // It starts anew with that list.
    void adopt(const SlotMap& map);
    void on_publication(std::size_t tracker, const Packet& packet);
    void on_answer(std::size_t tracker, const Packet& packet);
    [[nodiscard]] SimulatedSink& sink(std::size_t which) { return *sinks_[which]; }

protected:
    void boot() override;
    void die() override;
    void receive() override;
    void decide() override;
    void send() override;
    Time next_wakeup() override;

private:
    struct Arrived {
        std::size_t tracker;
        Packet packet;
    };
    // Its index in our list; nothing: it is not in it.
    [[nodiscard]] std::optional<std::size_t> followed(std::size_t tracker) const;

    std::size_t index_;
    const Shape& shape_;
    const SlotMap* map_;
    SendPacket ask_;
    std::deque<notifier::Delivery> deliveries_;
    std::vector<std::unique_ptr<SimulatedSink>> sinks_;
    std::deque<Arrived> publications_, answers_;
    std::vector<Arrived> turn_publications_, turn_answers_;
    std::vector<Question> questions_;
    std::uint64_t boot_ = 0;
};

}  // namespace presence::simulation
