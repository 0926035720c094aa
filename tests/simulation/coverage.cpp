#include "tests/simulation/coverage.hpp"

#include <cstdio>

namespace presence::simulation {
namespace {

constexpr auto kFaults = static_cast<std::size_t>(Fault::count_);
constexpr auto kPlaces = static_cast<std::size_t>(Place::count_);

template <class Fn>
void each_cell(Fn&& fn) {
    for (std::size_t f = 0; f < kFaults; ++f)
        for (std::size_t p = 0; p < kPlaces; ++p)
            fn(f, p, applies(static_cast<Fault>(f), static_cast<Place>(p)));
}

}  // namespace

std::string_view name_of(Fault fault) {
    constexpr std::array<std::string_view, kFaults> names{
        "pause", "slow",      "stall",       "crash", "slow disk", "wall jump",
        "drift", "suspend",   "loss",        "delay", "duplicate", "reorder",
        "cut",   "partition", "input stall", "twin"};
    return names[static_cast<std::size_t>(fault)];
}

std::string_view name_of(Place place) {
    constexpr std::array<std::string_view, kPlaces> names{
        "edge",   "collector", "tracker",      "notifier",  "sink",   "heartbeats",
        "frames", "acks",      "publications", "questions", "answers"};
    return names[static_cast<std::size_t>(place)];
}

bool is_link(Place place) {
    return place >= Place::heartbeats;
}

bool applies(Fault fault, Place place) {
    if (is_link(place)) return fault >= Fault::loss && fault <= Fault::partition;
    switch (fault) {
        case Fault::pause:
        case Fault::crash:
            return true;
        case Fault::slow:
        case Fault::stall:
            return place == Place::collector || place == Place::tracker || place == Place::notifier;
        case Fault::slow_disk:  // the others have none,
        case Fault::wall_jump:  // and are not told wall time
            return place == Place::tracker || place == Place::notifier;
        case Fault::input_stall:
            return place == Place::collector;
        case Fault::suspend:
            return place != Place::sink;
        case Fault::drift:
        case Fault::partition:
            return place != Place::sink;
        case Fault::twin:
            return place == Place::collector;
        default:
            return false;
    }
}

void Coverage::add(const Coverage& other) {
    each_cell([&](std::size_t f, std::size_t p, bool) { counts_[f][p] += other.counts_[f][p]; });
}

std::string Coverage::table() const {
    char cell[32];
    std::string text = "fault     ";
    for (std::size_t p = 0; p < kPlaces; ++p) {
        std::snprintf(cell, sizeof cell, " %12s", name_of(static_cast<Place>(p)).data());
        text += cell;
    }
    each_cell([&](std::size_t f, std::size_t p, bool possible) {
        if (p == 0) {
            std::snprintf(cell, sizeof cell, "\n%-10s", name_of(static_cast<Fault>(f)).data());
            text += cell;
        }
        if (possible)
            std::snprintf(cell, sizeof cell, " %12llu",
                          static_cast<unsigned long long>(counts_[f][p]));
        else
            std::snprintf(cell, sizeof cell, " %12s", "-");
        text += cell;
    });
    return text + "\n";
}

std::size_t Coverage::empty_cells() const {
    std::size_t empty = 0;
    each_cell([&](std::size_t f, std::size_t p, bool possible) {
        if (possible && counts_[f][p] == 0) ++empty;
    });
    return empty;
}

}  // namespace presence::simulation
