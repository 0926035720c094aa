#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "common/limits.hpp"
#include "tracker/roster/roster.hpp"

// A roster whose event time is what it is told, one heartbeat at a time.
namespace presence::tracker::roster_world {

inline constexpr WallOffset kWall{Duration(1'700'000'000'000'000)};
inline constexpr std::int64_t kWallMs = 1'700'000'000'000;

struct RosterWorld {
    explicit RosterWorld(std::uint64_t users_max = 1'000'000)
        : roster({.users_max = users_max}, Instant{}) {}

    Beat beat(std::string_view user, Instant at) const {
        Beat b;
        b.user = user;
        b.hash = hash_of(user);
        b.ttl_ms = 30'000;
        b.at = at;
        return b;
    }
    Beat session(std::string_view user, std::string_view name, Instant at) const {
        auto b = beat(user, at);
        b.session = name;
        return b;
    }
    static Beat bye(Beat b, std::uint32_t linger_ms = 0) {
        b.bye = true;
        b.ttl_ms = linger_ms;
        return b;
    }
    std::vector<Event> apply(const Beat& b) {
        std::vector<Event> out;
        roster.apply(std::span(&b, 1), kWall, out);
        roster.check();
        return out;
    }
    std::vector<Event> expire(Instant event_time) {
        std::vector<Event> out;
        while (roster.expire(event_time, kWall, 100, out)) {
        }
        roster.check();
        return out;
    }
    bool online(std::string_view user) const {
        return roster.find(hash_of(user), user, kWall).has_value();
    }
    Roster roster;
};

constexpr Instant at(Duration d) {
    return Instant{d};
}

}  // namespace presence::tracker::roster_world
