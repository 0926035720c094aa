#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace presence::simulation {

enum class Fault : std::uint8_t {
    pause,      // does not run for a while; a sink: hangs
    slow,       // takes little a turn, and long for it
    stall,      // stops inside a turn, between receiving, deciding and sending
    crash,      // ends and comes back with what it had written by then; a sink: fails deliveries
    slow_disk,  // each write takes long
    wall_jump,  // somebody sets the clock on the wall
    drift,      // its clock goes at another rate
    suspend,    // its machine sleeps, and its clock stands still meanwhile
    loss,
    delay,
    duplicate,
    reorder,
    cut,          // nothing passes for a while, one way
    partition,    // both ways; a process: to and from all others
    input_stall,  // what feeds a collector's input stands still, and its loop does not
    twin,         // another process runs under its id, on another machine
    count_
};
enum class Place : std::uint8_t {
    edge,
    collector,
    tracker,
    notifier,
    sink,
    heartbeats,    // edge to collector
    frames,        // collector to tracker
    acks,          // tracker to collector
    publications,  // tracker to notifier
    questions,     // notifier to tracker
    answers,       // tracker to notifier
    count_
};
[[nodiscard]] std::string_view name_of(Fault fault);
[[nodiscard]] std::string_view name_of(Place place);
[[nodiscard]] bool is_link(Place place);
// Whether that place can have that fault at all.
[[nodiscard]] bool applies(Fault fault, Place place);

// How often each fault met each place: for links, messages; for processes, times.
class Coverage {
public:
    void met(Fault fault, Place place) { ++counts_[index(fault)][index(place)]; }
    void add(const Coverage& other);
    [[nodiscard]] std::string table() const;
    // Cells that can be met and were not.
    [[nodiscard]] std::size_t empty_cells() const;

private:
    template <class Enum>
    static constexpr std::size_t index(Enum e) {
        return static_cast<std::size_t>(e);
    }
    std::array<std::array<std::uint64_t, static_cast<std::size_t>(Place::count_)>,
               static_cast<std::size_t>(Fault::count_)>
        counts_{};
};

}  // namespace presence::simulation
