#include "cli/up/demo.hpp"

#include <array>

namespace presence::cli {
namespace {

constexpr std::array<std::string_view, 8> kNames{"alice", "bob",   "carol", "dave",
                                                 "erin",  "frank", "grace", "heidi"};

}  // namespace

Demo::Demo(Instant now, std::uint64_t seed)
    : random_(static_cast<std::minstd_rand::result_type>(seed)), next_(now) {
    for (const auto name : kNames)
        people_.push_back({name, false, now + between(0s, 4s)});
    people_.front().change_at = now;  // one at once: it works
}

std::vector<Heartbeat> Demo::due(Instant now) {
    std::vector<Heartbeat> beats;
    if (now < next_) return beats;
    next_ = now + kInterval;
    for (auto& person : people_) {
        bool bye = false;
        if (now >= person.change_at) {
            bye = person.online && random_() % 2 == 0;
            person.online = !person.online;
            person.change_at = now + (person.online ? between(3s, 15s) : between(5s, 12s));
        }
        if (!person.online && !bye) continue;
        Heartbeat beat;
        beat.user = person.name;
        beat.bye = bye;
        beats.push_back(beat);
    }
    return beats;
}

Duration Demo::between(Duration low, Duration high) {
    return Duration{
        std::uniform_int_distribution<std::int64_t>(low.count(), high.count())(random_)};
}

}  // namespace presence::cli
