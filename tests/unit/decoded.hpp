#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/wire/heartbeat.hpp"

namespace presence::testing {

// What a collector makes of a message of an edge.
struct Decoded {
    explicit Decoded(std::string message) : bytes(std::move(message)) {
        decode_heartbeats(bytes, beats, rejects);
        beats.spell_out();
    }
    Decoded(const Decoded&) = delete;
    Decoded& operator=(const Decoded&) = delete;

    [[nodiscard]] std::vector<std::string> users() const {
        std::vector<std::string> users;
        for (const auto& beat : beats.beats)
            users.emplace_back(beat.user);
        return users;
    }

    std::string bytes;
    Heartbeats beats;
    Rejects rejects;
};

}  // namespace presence::testing
