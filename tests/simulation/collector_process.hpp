#pragma once

#include <deque>
#include <map>
#include <optional>

#include "collector/router.hpp"
#include "tests/simulation/messages.hpp"
#include "tests/simulation/model.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/promises.hpp"

namespace presence::simulation {

// A collector: collector::Router with a PULL socket and a DEALER a tracker, all simulated. It tells
// the model what it really read, and when.
class CollectorProcess : public Process {
public:
    CollectorProcess(Environment& env, std::size_t index, Random random, const Shape& shape,
                     const SlotMap& map, Model& model, SendPacket to_tracker);

    void on_heartbeats(HeartbeatPacket packet);
    void on_ack(std::size_t tracker, const Packet& packet);
    // Before its next turn.
    void adopt(const SlotMap& map);
    // Since when its list has that tracker; nothing: it has not.
    [[nodiscard]] std::optional<Time> feeds_since(std::size_t tracker) const {
        return listed_[tracker];
    }
    [[nodiscard]] const std::string& id() const { return id_; }
    // Until then nothing comes into its input, while its loop turns.
    void stall_input(Time until);
    [[nodiscard]] bool takes_heartbeats() const { return up() && !closed_; }
    // Everything read up to here was acknowledged by every tracker.
    [[nodiscard]] Time safe() const;

protected:
    void boot() override;
    void die() override;
    void stops(Time until, Time length) override;
    void receive() override;
    void decide() override;
    void send() override;
    Time next_wakeup() override;

private:
    struct Arrived {
        HeartbeatPacket packet;
        Time at;
    };
    // What a tracker was promised by the frames sent to it.
    struct Sent {
        struct Promise {
            std::uint64_t frame;
            Time watermark;
        };
        std::deque<Promise> under_way;
        std::uint64_t newest = 0;
        Time safe = 0;
    };
    // An edge's clock, as this collector knows it.
    struct Stamps {
        std::uint64_t boot = 0;
        Time stood_still = 0;  // as far as it is believed
        Time newest = 0;
        Time late_since = 0;
    };
    [[nodiscard]] FramePromises& promises_about(const Beat& beat);
    void arrives(const HeartbeatMessage& message);
    void open_or_close();
    void read(const Arrived& arrived);
    [[nodiscard]] std::optional<Time> stamp_believed(const HeartbeatMessage& message);
    void check_bounds();
    void take_list();
    [[nodiscard]] std::size_t owner(std::uint64_t hash) const;
    [[nodiscard]] std::optional<std::size_t> link_to(std::size_t tracker) const;
    void note_sent(std::size_t tracker, std::string_view frame);
    void note_acknowledged(std::size_t tracker, std::string_view ack);

    std::string id_;
    std::size_t index_;
    const Shape& shape_;
    const SlotMap* map_;
    const SlotMap* next_map_;                  // as its file has it
    std::vector<std::optional<Time>> listed_;  // by tracker
    Model& model_;
    SendPacket to_tracker_;
    std::optional<collector::Router> router_;
    std::deque<Arrived> kernel_;  // not yet moved into the socket's queue
    Time moved_at_ = 0;           // when it is
    Time input_stalled_until_ = 0;
    std::optional<std::uint64_t> probe_;  // under way
    std::deque<Arrived> queue_;
    std::deque<std::pair<std::size_t, Packet>> acks_;
    std::vector<Arrived> turn_;
    std::vector<std::pair<std::size_t, Packet>> turn_acks_;
    std::vector<collector::Outgoing> out_;
    Frame frame_;  // reused
    bool drained_ = false;
    bool closed_ = false;
    Time closed_at_ = -1;  // for the last time
    Time turn_began_ = 0;
    std::uint64_t boot_ = 0;
    std::uint64_t dropped_ = 0;
    std::map<std::string, Stamps> stamps_;  // by edge
    std::vector<Sent> sent_;                // by tracker
    std::vector<FramePromises> promises_;   // by tracker
};

}  // namespace presence::simulation
