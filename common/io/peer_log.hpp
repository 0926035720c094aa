#pragma once

#include <optional>
#include <string>

#include "common/time.hpp"

namespace presence::io {

// Tells in the log, once each time, that a peer is heard and that it has fallen silent:
// `event=tracker_heard tracker=t1 endpoint=...`, `event=tracker_away tracker=t1 endpoint=...`.
class PeerLog {
public:
    static constexpr Duration kAwayAfter = 5s;

    // `kind`: what the peer is, such as "tracker".
    PeerLog(std::string kind, std::string id, std::string endpoint)
        : kind_(std::move(kind)), id_(std::move(id)), endpoint_(std::move(endpoint)) {}

    // It said something that only it says.
    void heard() {
        ever_ = true;
        silent_ = {};
    }
    // Call at least once a second. Time in which we did not run is no silence of the peer.
    void turn(Instant now);

private:
    enum class Told { nothing, heard, away };

    std::string kind_, id_, endpoint_;
    std::optional<Instant> turned_;
    Duration silent_{};
    bool ever_ = false;
    Told told_ = Told::nothing;
};

}  // namespace presence::io
