#include "tests/simulation/calm.hpp"

#include <algorithm>

namespace presence::simulation {
namespace {

constexpr Time kTick = kSecond;               // shows what was published last
constexpr Time kAnswerTimeout = 2 * kSecond;  // then a follower asks again
constexpr Time kPause = kSecond;              // of a follower after a refusal, of a sink at most
constexpr Time kCaution = kSecond;            // of a collector that was stopped
constexpr Time kProbe = kSecond;              // of a collector that is not acknowledged
constexpr Time kReopened = 2 * kSecond;       // of one that had closed its input: edges come back

// How long after its end a fault may still delay what is told.
Time aftermath(const PlannedFault& fault, const Shape& shape) {
    constexpr Time kFollowers = kTick + kAnswerTimeout + kPause;
    // Every deadline is lifted once the collector is heard again, and a whole ttl later a
    // follower who lost its place asks whether the evidence reaches far enough.
    const Time lifted = kProbe + kCaution + kReopened + shape.ttl_max + kFollowers;
    if (fault.fault == Fault::wall_jump || fault.fault == Fault::drift) return 0;
    switch (fault.place) {
        case Place::edge:
        case Place::heartbeats:
            return 0;  // what is read, and when, is what counts
        case Place::collector:
        case Place::tracker:
        case Place::frames:
        case Place::acks:
            return lifted;
        case Place::sink:
            return 2 * kPause;
        default:
            return kFollowers;
    }
}

}  // namespace

std::vector<Span> calm_spans(const Shape& shape, const std::vector<PlannedFault>& faults) {
    std::vector<Span> troubled;
    for (const auto& fault : faults) {
        // A collector that does not come back is given up.
        const bool gone = fault.place == Place::collector && fault.end > shape.end;
        const Time given_up = fault.fault == Fault::twin ? shape.grace : 0;
        if (const Time after = aftermath(fault, shape))
            troubled.push_back(
                {fault.begin, (gone ? fault.begin + shape.grace : fault.end + given_up) + after});
    }
    if (shape.poison) troubled.push_back({shape.faults_begin, shape.faults_end + 2 * kPause});
    Evidence::merge(troubled);
    // A tracker that starts gives everyone a whole ttl.
    Time from = shape.ttl_max + kSecond;
    std::vector<Span> calm;
    for (const auto& span : troubled) {
        if (span.from > from) calm.push_back({from, span.from});
        from = std::max(from, span.to);
    }
    calm.push_back({from, shape.end});
    return calm;
}

}  // namespace presence::simulation
