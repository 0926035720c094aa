#pragma once

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

#include "common/wire/frame.hpp"

// Which collectors were seen when, as frames and acknowledgements tell it.
namespace presence {

using Told = std::map<std::string, std::int64_t>;

inline Told told(const std::vector<Sighting>& sightings) {
    Told by_collector;
    for (const auto& [collector, seen] : sightings)
        by_collector[collector] = micros(seen);
    return by_collector;
}

// One, of then, which clocks are too coarse to tell exactly: never later.
inline void check_one(const Told& told, const std::string& collector, Instant seen) {
    REQUIRE(told.size() == 1);
    CHECK(told.begin()->first == collector);
    CHECK(told.begin()->second <= micros(seen));
    CHECK(told.begin()->second >= micros(seen - 10ms));
}

}  // namespace presence
