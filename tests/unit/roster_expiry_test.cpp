// Expiry a few users at a time, with heartbeats in between.
#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <map>

#include "tracker/roster/roster.hpp"

using namespace presence;
using namespace presence::tracker;

TEST_CASE("with small limits and heartbeats in between, whoever is told offline was due",
          "[roster][expiry]") {
    rc::prop("any order", [] {
        constexpr std::uint32_t kTtl = 1'000;
        const auto users = *rc::gen::inRange(1u, 3'000u);
        const auto start = *rc::gen::element<std::int64_t>(0, (1ll << 32) - 1'000);
        Roster roster({}, Instant{});
        std::map<std::string, std::int64_t> online;  // to the newest heartbeat, in ms
        std::int64_t now = start, event_time = start;
        const auto beat = [&](std::uint32_t number) {
            const auto id = "user-" + std::to_string(number);
            Beat b;
            b.user = id;
            b.hash = hash_of(id);
            b.ttl_ms = kTtl;
            b.at = Instant{std::chrono::milliseconds(now)};
            std::vector<Event> out;
            roster.apply(std::span(&b, 1), {}, out);
            RC_ASSERT(out.size() == (online.contains(id) ? 0u : 1u));
            online[id] = now;
        };
        for (std::uint32_t u = 0; u < users; ++u)
            beat(u);
        for (int turn = *rc::gen::inRange(1, 100); turn > 0; --turn) {
            now += *rc::gen::inRange(0, 400);
            const auto beats =
                *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0u, users));
            for (const auto user : beats)
                beat(user);
            event_time = std::max(event_time, now - *rc::gen::inRange(0, 300));
            const auto limit = *rc::gen::inRange<std::size_t>(1, 100);
            std::vector<Event> told;
            const bool more =
                roster.expire(Instant{std::chrono::milliseconds(event_time)}, {}, limit, told);
            RC_ASSERT(told.size() <= limit);
            std::int64_t before = 0;
            for (const auto& e : told) {
                RC_ASSERT(online.contains(e.user));
                RC_ASSERT(e.at_ms == online[e.user] + kTtl);
                RC_ASSERT(e.at_ms < event_time);
                RC_ASSERT(e.at_ms >= before);
                before = e.at_ms;
                online.erase(e.user);
            }
            if (more) continue;
            for (const auto& [id, read] : online)
                RC_ASSERT(read + kTtl >= event_time);
        }
        roster.check();
        RC_ASSERT(roster.users() == online.size());
    });
}
