#pragma once

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>

#include "tests/simulation/collector_process.hpp"
#include "tests/simulation/disk.hpp"
#include "tests/simulation/messages.hpp"
#include "tests/simulation/model.hpp"
#include "tests/simulation/process.hpp"
#include "tracker/stream/commit_gate.hpp"
#include "tracker/tracker.hpp"

namespace presence::simulation {

// A tracker: tracker::Tracker with its ROUTER and XPUB sockets simulated. It tells the model what
// it hands out.
class TrackerProcess : public Process {
public:
    struct Links {
        SendPacket to_collector;  // acknowledgements
        SendPacket publish;       // to one notifier
        SendPacket answer;        // to one notifier
    };
    TrackerProcess(Environment& env, std::size_t index, Random random, const Shape& shape,
                   const SlotMap& map, Model& model, std::vector<CollectorProcess*> collectors,
                   Links links);

    // Before its next turn.
    void adopt(const SlotMap& map);
    void on_frame(std::size_t collector, const Packet& packet);
    void on_question(std::size_t notifier, const Packet& packet);

protected:
    void boot() override;
    void die() override;
    void moved() override { disk_.wipe(); }
    void receive() override;
    void decide() override;
    void send() override;
    Time next_wakeup() override;

private:
    struct Arrived {
        std::size_t from;
        Packet packet;
    };
    struct Peer {
        std::size_t index;
        std::uint64_t connection;
    };
    std::string peer(const char* kind, const Arrived& arrived);
    void feed();
    void note_silence();
    void take_list();
    [[nodiscard]] bool seems_ended(std::size_t collector) const;
    void hand_out(const std::string& bytes);
    void load();
    void answer_replays();
    [[nodiscard]] bool full() const { return disk_.waiting_bytes() > shape_.journal_waiting_max; }

    std::size_t index_;
    const Shape& shape_;
    const SlotMap* map_;
    const SlotMap* next_map_;  // as its file has it
    Model& model_;
    std::vector<CollectorProcess*> collectors_;
    Links links_;
    std::optional<tracker::Tracker> tracker_;
    std::deque<Arrived> frames_, questions_;
    std::vector<Arrived> turn_frames_, turn_questions_;
    std::unordered_map<std::string, Peer> peers_;
    Disk disk_;
    std::map<std::uint64_t, std::int64_t> walls_;  // by batch: when it was made
    tracker::CommitGate commit_gate_;
    tracker::Output out_;    // of the turn
    tracker::Output ready_;  // to be sent
    bool more_ = false;
    std::uint64_t boot_ = 0;
    std::int64_t started_ms_ = 0;
    std::vector<Time> heard_;  // by collector: when a frame was last received
    struct Began {
        std::uint64_t run;
        Time at;
    };
    std::vector<Began> began_;  // by collector: when its run was first heard
    std::vector<bool> silent_;
};

}  // namespace presence::simulation
