#include "tests/simulation/calm.hpp"

#include <algorithm>

#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {
namespace {

// How long after its end a fault may still delay what is told.
Time aftermath(const PlannedFault& fault, const Shape& shape) {
    if (fault.fault == Fault::wall_jump || fault.fault == Fault::drift) return 0;
    switch (fault.place) {
        case Place::edge:
        case Place::heartbeats:
            return 0;  // what is read, and when, is what counts
        case Place::collector:
        case Place::tracker:
        case Place::frames:
        case Place::acks:
            return tolerances::lifted(shape);
        case Place::sink:
            return tolerances::kSinkTried;
        default:
            return tolerances::kFollowerFinds;
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
    if (shape.poison)
        troubled.push_back({shape.faults_begin, shape.faults_end + tolerances::kSinkTried});
    Evidence::merge(troubled);
    Time from = tolerances::started(shape);
    std::vector<Span> calm;
    for (const auto& span : troubled) {
        if (span.from > from) calm.push_back({from, span.from});
        from = std::max(from, span.to);
    }
    calm.push_back({from, shape.end});
    return calm;
}

}  // namespace presence::simulation
