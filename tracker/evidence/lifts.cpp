#include "tracker/evidence/lifts.hpp"

namespace presence::tracker {

bool Lifts::take(Instant now) {
    const auto t = clock_.of_event(now);
    until_ = now + ttl_;
    if (std::chrono::milliseconds{holds_.spent(t)} >= max_) {
        refused_until_ = until_;
        return false;
    }
    holds_.add(t, clock_.of_event(until_));
    return true;
}

}  // namespace presence::tracker
