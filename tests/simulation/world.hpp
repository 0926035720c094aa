#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/collector_process.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/edge.hpp"
#include "tests/simulation/link.hpp"
#include "tests/simulation/lists.hpp"
#include "tests/simulation/load.hpp"
#include "tests/simulation/notifier_process.hpp"
#include "tests/simulation/tracker_process.hpp"

namespace presence::simulation {

// The clocks on the wall of a world: they jump as the seed has drawn, never, or often.
enum class Walls : std::uint8_t { as_drawn, still, jumping };

// Everything from edges to sinks, one seed: the processes, the links between them, the load, the
// faults, the model. One thread, virtual time; the same seed runs the same, byte for byte.
class World {
public:
    // `only`: of the faults that the seed draws, those with these numbers.
    World(std::uint64_t seed, Trace trace, const std::optional<std::vector<std::size_t>>& only,
          Walls walls);

    // Runs to the end or to the first broken promise; empty, or what is wrong.
    std::string run();
    [[nodiscard]] const Coverage& coverage() const { return env_.coverage; }
    [[nodiscard]] const Judged& judged() const { return model_.judged(); }
    // Of every event that was handed out or told and when, but for the times it shows.
    [[nodiscard]] std::uint64_t digest() const { return model_.digest(); }
    [[nodiscard]] Time virtual_time() const { return env_.scheduler.now(); }
    // How many faults the seed draws.
    [[nodiscard]] std::size_t faults() const { return drawn_; }

private:
    template <class Message>
    using Links =
        std::vector<std::unique_ptr<SimulatedLink<Message>>>;  // [from * number of `to` + to]

    void connect(Random& random);
    void populate(Random& random);
    void plan(const PlannedFault& fault);
    void set_walls(Walls walls, std::uint64_t seed);
    void plan_lists();
    void reload(const ListChange& change, const ListChange::Reload& reload);
    void plan_process(const PlannedFault& fault);
    Process& process(Place place, std::size_t which);
    Troubled& troubled(Place place, std::size_t which);
    // What a partition severs: both ways of a connection; all connections of a process.
    std::vector<Troubled*> severed(Place place, std::size_t which);
    void describe() const;

    Environment env_;
    Random random_;
    Shape shape_;
    Lists lists_;
    std::vector<PlannedFault> faults_;
    std::size_t drawn_;
    std::string failure_;
    Model model_;
    std::vector<std::unique_ptr<Edge>> edges_;
    std::vector<std::unique_ptr<CollectorProcess>> collectors_;
    std::vector<std::unique_ptr<TrackerProcess>> trackers_;
    std::vector<bool> started_;  // trackers, ever
    std::vector<std::unique_ptr<NotifierProcess>> notifiers_;
    Links<HeartbeatPacket> heartbeats_;
    Links<Packet> frames_, acks_, publications_, questions_, answers_;
    std::unique_ptr<Load> load_;
    std::unique_ptr<Crowd> crowd_;
};

}  // namespace presence::simulation
