#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What the roster's model keeps of users, their sessions and edges.
namespace presence::testing::roster_model {

using Ms = std::int64_t;
using Key = std::pair<std::string, std::string>;  // edge, session name
using Times = std::vector<std::pair<Ms, Ms>>;     // from, to

inline Ms sum_after(const Times& times, Ms from) {
    Ms sum = 0;
    for (const auto& [a, b] : times)
        sum += std::max<Ms>(0, b - std::max(a, from));
    return sum;
}

struct Told {
    Ms at = 0, since = 0;
    std::uint64_t order = 0;
    std::string status;
};
struct Session {
    Ms read = 0;
    std::uint32_t ttl = 0;
    std::optional<Told> told;
    bool shared = false;
    struct Bye {
        Ms at, end;
    };
    std::optional<Bye> bye;
};
using Sessions = std::map<Key, Session>;
struct User {
    std::int64_t since_ms = 0;
    Ms seen = 0;
    Sessions sessions;
    // A session that ended may live until then; nothing: for as long as evidence is missing.
    struct Doubt {
        std::optional<Ms> until;
        Ms length;
    };
    std::vector<Doubt> doubts;

    [[nodiscard]] bool in_doubt(Ms at) const {
        return std::any_of(doubts.begin(), doubts.end(),
                           [&](const Doubt& d) { return !d.until || *d.until > at; });
    }
    void lift_doubts(Ms now, std::optional<Ms> event_time) {
        for (auto& d : doubts)
            if (d.until && event_time && *d.until > *event_time)
                d.until = std::max(*d.until, now + d.length);
    }
    void close_doubts(Ms now) {
        for (auto& d : doubts)
            if (!d.until) d.until = now + d.length;
    }
};

struct Edge {
    Ms heard = 0;
    Times silences;
};

}  // namespace presence::testing::roster_model
