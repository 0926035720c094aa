#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "common/time.hpp"
#include "common/wire/frame.hpp"

namespace presence::collector {

// When other collectors spoke to some tracker, as trackers tell it, to be passed on to all. A
// tracker that does not hear one of them learns so that it lives, and may have heartbeats (an
// indirect probe, as in SWIM: Das, Gupta and Motivala, 2002).
//
// Pure. Times never go back.
class Sightings {
public:
    static constexpr std::size_t kCollectorsMax = 1'000;

    // `grace`: a tracker waits so long for a collector; what is older is no news.
    explicit Sightings(Duration grace) : grace_(grace) {}

    void note(const std::string& collector, Instant seen) {
        const auto known = seen_.find(collector);
        if (known != seen_.end())
            known->second = std::max(known->second, seen);
        else if (seen_.size() < kCollectorsMax)
            seen_.emplace(collector, seen);
    }

    // Makes them anew, ten times in a grace.
    void turn(Instant now) {
        if (now < due_) return;
        due_ = now + grace_ / 10;
        std::erase_if(seen_, [&](const auto& it) { return now - it.second >= grace_; });
        bytes_.clear();
        for (const auto& [collector, seen] : seen_)
            append_sighting(bytes_, collector, PeerInstant{seen.time_since_epoch()});
        ++number_;
    }
    // As append_sighting writes them.
    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    // Another one when they are new.
    [[nodiscard]] std::uint64_t number() const { return number_; }

private:
    Duration grace_;
    std::map<std::string, Instant> seen_;  // by collector
    Instant due_{};
    std::string bytes_;
    std::uint64_t number_ = 0;
};

}  // namespace presence::collector
